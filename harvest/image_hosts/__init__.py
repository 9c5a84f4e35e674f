"""Flickr's image servers: asking them for pictures, and what their answers mean."""
