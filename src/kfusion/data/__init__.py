"""Talking videos to prepared data sets of landmarks and sound, and reading those."""
