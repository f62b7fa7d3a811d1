"""Side-by-side measurements of speed: each a ratio of two things timed in turn."""
