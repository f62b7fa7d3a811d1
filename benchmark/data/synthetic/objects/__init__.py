"""Products with an outline, on a ground."""
