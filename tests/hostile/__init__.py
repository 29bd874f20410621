"""Attacks and bad luck from outside: each kind once, bounded."""
