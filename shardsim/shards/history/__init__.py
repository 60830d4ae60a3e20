"""Models of whole episodes: goals that change on the way, and whether the way matters at all."""
