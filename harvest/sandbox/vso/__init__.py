"""VSO's lists as a corpus of millions of posts, which are computed on request."""
