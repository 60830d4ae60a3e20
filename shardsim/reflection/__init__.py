"""What agents make of themselves out of what they value: models of reflection, and constancy."""
