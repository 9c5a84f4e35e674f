"""A loopback Flickr: the REST API, the image servers, their faults, and the corpus they serve."""
