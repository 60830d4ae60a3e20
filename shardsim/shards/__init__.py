"""Finding shards: batteries, influence, the gated fit and its rivals, evidence, tracks."""
