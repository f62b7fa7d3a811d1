"""Algorithm 1 and what follows it: training, prediction, scoring and sample images of one run."""
