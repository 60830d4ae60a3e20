"""Evidence beside behaviour: activations, causal interventions, and updates of training."""
