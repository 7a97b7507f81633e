"""Formats: one file a file format or a wire that motion is written in."""
