"""Scores on real recordings, with the sanity rows that every table carries."""
