"""One run: training (Algorithm 1), prediction, scoring and sample images."""
