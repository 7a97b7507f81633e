"""The scripts of tools are imported by name; those of tools/voices import each other so."""

import sys
from pathlib import Path

TOOLS = Path(__file__).parents[2] / "tools"
sys.path += [str(TOOLS), str(TOOLS / "voices")]
