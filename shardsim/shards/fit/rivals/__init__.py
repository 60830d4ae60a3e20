"""Rivals whose logits are not linear in their parameters, each on the shards' own terms."""
