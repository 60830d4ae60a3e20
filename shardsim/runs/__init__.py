"""From one config to a run directory: config, store, stages, and what a run offers afterwards."""
