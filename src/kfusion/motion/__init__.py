"""Motion: what moves in a face, in numbers that other tools read."""
