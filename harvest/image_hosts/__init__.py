"""Download pictures from Flickr's image servers, and interpret the servers' answers."""
