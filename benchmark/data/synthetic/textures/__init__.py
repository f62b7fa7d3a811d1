"""Products without an outline: they fill the image."""
