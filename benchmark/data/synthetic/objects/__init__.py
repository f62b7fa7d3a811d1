"""Objects: products with an outline, on a background."""
