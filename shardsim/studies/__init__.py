"""Published findings on trained agents, beside what a run's agents do."""
