"""The systems that the network is compared with: each module says only what is particular to it."""
