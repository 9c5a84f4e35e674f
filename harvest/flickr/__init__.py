"""What Flickr's API and URLs are: calls over HTTP, answers, listings, tags, references."""
