"""The science benchmarks: what is claimed, measured anew on fresh seeds."""
