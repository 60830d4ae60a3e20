"""What every floor uses and knows no grid: errors, content folders, statistics, arrays on disk."""
