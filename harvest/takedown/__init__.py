"""What is withdrawn, as a user names it, and what harvests know of it."""
