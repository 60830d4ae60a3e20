"""The fit of shards: gates, preferences, their number, and the verdict against every rival."""
