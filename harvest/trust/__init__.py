"""Decide whether the refusal of a picture is believed."""
