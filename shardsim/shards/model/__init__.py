"""Gated product of experts: the fit of shards to an agent's decisions, its rivals, its limits."""
