"""Benchmarks: each module's rows() measures and returns what `make bench` prints."""
