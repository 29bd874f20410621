"""What Spout remembers: DuckDB in the data directory, one thread, store before publish."""
