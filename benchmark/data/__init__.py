"""Data sets: which images there are (manifests), how they are read, drawn from and cached."""
