"""From tables to matplotlib figures. Nothing here knows a run, a policy or a file."""
