"""The paper's network and the systems it is compared with."""
