"""VSO's lists as a corpus of millions of posts, computed when they are asked for."""
