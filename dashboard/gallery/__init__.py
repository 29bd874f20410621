"""The component library to look at: `python -m dashboard.gallery`, each component alone with sample data."""
