"""A portrait that talks, drawn from its landmarks."""
