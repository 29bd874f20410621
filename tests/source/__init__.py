"""Tests of the adapters that need no far side."""
