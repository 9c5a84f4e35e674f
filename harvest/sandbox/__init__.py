"""A local Flickr: the REST API, the image servers, their faults, and the corpus that they serve."""
