"""Tests of the data sets, from real ledgers and pictures."""
