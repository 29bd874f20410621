"""The domain model and its rules, as pure functions without I/O, clock, randomness or settings."""
