"""The parts of `benchmarks/speed.py`: how fast kfusion is, beside what else there is."""
