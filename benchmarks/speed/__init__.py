"""The parts of `benchmarks/speed.py`: how fast kfusion is, beside what else there is."""

import kfusion  # noqa: F401 - before any import of onnxruntime, whose telemetry it turns off
