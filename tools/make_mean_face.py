"""Make src/kfusion/assets/mean_face.npy, the face that speaks where no portrait is given.

Usage: python tools/make_mean_face.py PREPARED_GRID

It is the mean of the rest faces (closed mouth) of the training clips, each in its own unit frame,
made symmetric. With the part of GRID that the default weights were trained on, that is one man's face.
"""

import sys

import numpy as np

from kfusion.assets import MEAN_FACE
from kfusion.data.store import ClipStore
from kfusion.landmarks import mirror
from kfusion.training.faces import identity_face, rest_face, unit_target


def main() -> None:
    """Read, average, mirror, write."""
    clips = ClipStore(sys.argv[1]).split("train")
    faces = np.stack([rest_face(unit_target(clip.landmarks())) for clip in clips]).mean(0)
    np.save(MEAN_FACE, identity_face(((faces + mirror(faces)) / 2).astype(np.float32)))


if __name__ == "__main__":
    main()
