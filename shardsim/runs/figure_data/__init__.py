"""A run's results as the tables that figures take."""
