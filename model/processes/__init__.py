"""Devices, several processes, signals, profiles."""
