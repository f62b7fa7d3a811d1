"""The options of each verb. Nothing heavy is imported here, so that help and refusals come at once."""
