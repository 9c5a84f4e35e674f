"""Flickr's API and URLs: calls over HTTP, answers, listings, tags, photo references."""
