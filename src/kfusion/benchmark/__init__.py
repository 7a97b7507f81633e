"""The table of the paper, made anew: every system on the same data, budget and metrics, in one command."""
