"""Cases of reflection whose answers are known in closed form, at listed and at drawn parameters.

What is expected is computed here, what is found by the library; they share no code.
"""
