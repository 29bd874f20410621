"""The ground that API and pages both stand on: who asks, from where, what headers go out."""
