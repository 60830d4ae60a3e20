"""Views of a shard other than behaviour: what the activations hold, and what carries it."""
