"""Planted agents, whose shards are known: what benchmarks and tests identify."""
