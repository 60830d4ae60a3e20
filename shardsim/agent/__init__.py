"""Agents: PPO from named components, networks with named activations, checkpoints."""
