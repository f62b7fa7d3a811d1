"""Textures: products that fill the image."""
