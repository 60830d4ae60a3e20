"""The live view of a run: what it answers, the page, its server, and the file that needs none."""
