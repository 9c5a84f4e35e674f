"""What owners and hosts say of the use of a post: header fields, and Flickr's own settings."""
