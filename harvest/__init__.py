"""Published lists of Flickr URLs to posts on disk."""
