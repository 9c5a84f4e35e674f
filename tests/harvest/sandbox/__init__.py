"""Tests of the local Flickr, over real HTTP."""
