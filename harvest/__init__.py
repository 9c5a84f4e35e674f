"""Download the posts behind published lists of Flickr URLs."""
