"""Models of reflection on the shard distribution, composed from small pure functions."""
