"""The page without a server behind it: finds what `make web` built, and serves it."""
