"""The paper's network and the systems that it is compared with."""
