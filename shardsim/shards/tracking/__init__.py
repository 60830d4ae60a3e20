"""The shard distribution over checkpoints, and matching of separate fits."""
