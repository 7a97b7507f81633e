"""`benchmarks/` on the path, as it is when its scripts run."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
