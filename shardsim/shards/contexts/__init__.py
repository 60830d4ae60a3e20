"""Contexts: batteries, how they are sampled, and asking a policy what it does in them."""
