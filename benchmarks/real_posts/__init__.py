"""The whole chain and every system on MVSA's real posts."""
