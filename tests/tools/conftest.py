"""Scripts import those beside them by name, as they do when one of them is run."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
for folder in ("tools/voices", "tools", "tools/release", "tools/nasty", "fuzz"):
    sys.path.append(str(ROOT / folder))
