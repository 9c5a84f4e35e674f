"""Judges what of each post stays, on this machine or on a Ray cluster, and keeps it."""
