"""The tests' own stand-in for the mempool backend: derived REST answers, a player, a hand-driven world."""
