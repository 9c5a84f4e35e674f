"""Pretrained features of pictures, texts and words."""
