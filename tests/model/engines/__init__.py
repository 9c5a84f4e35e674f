"""Tests of what runs frozen encoders."""
