"""Tests of the loopback Flickr, over real HTTP."""
