"""A contact sheet of talking portraits: the portrait, lips shut, half open, open, and eyes shut.

Usage: python tools/make_picture_sheet.py SHEET.jpg PORTRAIT ...
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

import kfusion
from kfusion import assets
from kfusion.inference.identity import read_identity
from kfusion.landmarks import Points, inter_ocular_distance
from kfusion.motion.life import LifeSigns
from kfusion.picture.sitter import seat
from kfusion.picture.talking import TalkingPicture
from kfusion.video import Image

TILE_PX = 150
ROWS = 7
SHOWN = (0.0, 0.6, 1.0)
"""Of the openings that the packaged speech gives, from the least to the largest."""


def main() -> None:
    """Write the sheet."""
    sheet, *portraits = sys.argv[1:]
    strips = [strip(Path(portrait)) for portrait in portraits]
    blank = np.full_like(strips[0], 255)
    strips += [blank] * (-len(strips) % ROWS)
    columns = [np.vstack(strips[start : start + ROWS]) for start in range(0, len(strips), ROWS)]
    Pillow.fromarray(np.hstack(columns)).save(sheet, quality=85)


def strip(portrait: Path) -> NDArray[np.uint8]:
    """The tiles of one portrait."""
    identity = read_identity(portrait)
    sitter = seat(identity, portrait)
    talking = TalkingPicture(sitter.picture, sitter.points)
    points = kfusion.load().generate(assets.SAMPLE_SPEECH, identity).points * np.float32(sitter.scale)
    order = np.argsort([talking.opening(frame) for frame in points])
    chosen = [points[order[round(share * (len(order) - 1))]] for share in SHOWN]
    shown = [sitter.picture, *(talking.frame(frame) for frame in chosen)]
    shown.append(talking.frame(chosen[0], LifeSigns(closed=1.0)))
    return np.hstack([tile(picture, sitter.points) for picture in shown])


def tile(picture: Image, face: Points) -> NDArray[np.uint8]:
    """A square round a face."""
    x, y = (face[27] + face[51]) / 2
    reach = 1.25 * float(inter_ocular_distance(face))
    box = (x - reach, y - reach, x + reach, y + reach)
    size = (TILE_PX, TILE_PX)
    return np.asarray(
        Pillow.fromarray(picture).transform(size, Pillow.Transform.EXTENT, box, Pillow.Resampling.BICUBIC)
    )


if __name__ == "__main__":
    main()
