"""What a picture file is: whole, of the right format, in its place."""
