"""What reflection will do, said before any weight moves, and scored after."""
