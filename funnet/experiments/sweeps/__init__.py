"""Many runs of one function, each with its own configuration and seed."""
