"""Published findings on maze agents beside the same measurements on a run's agents."""
