"""What each data set must contain, as data files; ``README.md`` here describes them."""
