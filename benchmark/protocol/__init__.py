"""The protocol of a study: every number of it, which runs it consists of, and which images each run trains on."""
