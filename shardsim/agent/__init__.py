"""Agents: learners from named components, networks with named activations, checkpoints."""
