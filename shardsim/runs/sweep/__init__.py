"""Many runs of one config: a folder of run directories, which are queue and truth."""
