"""Tests of where a training's figures are kept."""
