"""Results of many runs against what was varied between them: groups of seeds, tables, a page."""
