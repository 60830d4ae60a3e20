"""Active questions: contexts in which the hypotheses that still stand differ most."""
