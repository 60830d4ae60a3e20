"""Influence of concepts on decisions, shares of it, and the nulls beside both."""
