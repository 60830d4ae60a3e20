"""Worlds: types, the Env base, exact planning, edits, levels."""
