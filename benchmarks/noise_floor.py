"""How far the face finder is from itself: a second look at the same recordings, scored like a model.

Usage: python benchmarks/noise_floor.py CORPUS FOLDER PREPARED -o OUT.json [--split val|test] [--speakers LIST]

CORPUS and FOLDER are those that `kfusion prepare` made the data set PREPARED from. Every picture is shown to the
face finder again, moved by up to half a pixel and scaled by up to 2 % (fresh for every picture, the same in every
run); what it finds is moved back and goes the way of all data: crop, smoothing, 30 frames a second. OUT.json holds
the scores of the row `noise-floor`. Both looks are noisy: a prediction of the true face would be at about 0.7 of
these distances, and a model that is near them cannot be told from a better one.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import affine_transform

from kfusion.data.clip import Clip
from kfusion.data.corpora import CORPORA, CorpusRequest, read_corpus
from kfusion.data.extract import Crop, Finder, extract_clip
from kfusion.data.store import ClipStore, StoredClip, read_clip
from kfusion.errors import InputError
from kfusion.evaluation.alignment import ALIGNMENTS
from kfusion.evaluation.cases import Case, Selection
from kfusion.evaluation.identity_rules import name_number
from kfusion.evaluation.sanity_rows import NOISE_FLOOR, ScoredRow
from kfusion.evaluation.scoring import score_rows
from kfusion.face import FaceFinder
from kfusion.landmarks import Points
from kfusion.video import Image

SHIFT_PX, SCALE = 0.5, 0.02


@dataclass(frozen=True, slots=True)
class SecondLook:
    """A finder that is shown every picture a little moved, and moves back what it finds."""

    finder: Finder
    random: np.random.Generator

    def find(self, image: Image) -> list[Points]:
        """The faces in `image`, each (68, 2) in its pixels."""
        middle = np.array([image.shape[1], image.shape[0]]) / 2
        scale = 1 + self.random.uniform(-SCALE, SCALE)
        offset = middle - scale * middle + self.random.uniform(-SHIFT_PX, SHIFT_PX, 2)
        moved = resampled(image, scale, offset)
        return [((face - offset) / scale).astype(np.float32) for face in self.finder.find(moved)]


def resampled(image: Image, scale: float, offset: np.ndarray) -> Image:
    """The picture whose point `scale * p + offset` shows what `image` shows at p, by cubic splines; black outside.

    Not by Pillow's own bicubic transform: that shifts by up to 0.1 px too much or too little.
    """
    first = (0.5 - offset[::-1]) / scale - 0.5  # row and column that row 0 and column 0 show, pixel centres at + 0.5
    planes = [affine_transform(plane, [1 / scale] * 2, first) for plane in np.moveaxis(image.astype(np.float32), -1, 0)]
    return np.stack(planes, -1).round().clip(0, 255).astype(np.uint8)


def look_again(clip: Clip, stored: StoredClip, finder: Finder) -> Points:
    """The landmarks (frames, 68, 2) of a second look, in the crop of the first one.

    Raises:
        InputError: the recording cannot be used, or is not the one that was prepared.
    """
    found = extract_clip(
        clip.path, SecondLook(finder, np.random.default_rng(name_number(clip.clip_id))), clip.audio_path
    )
    if len(found.landmarks) != stored.frames:
        raise InputError(
            f"{clip.path}: {len(found.landmarks)} frames, {stored.frames} were prepared: pass the recordings that "
            "the data set was made from"
        )
    left, top, side = read_clip(stored.shard, stored.row_group, ["crop"]).column("crop")[0].as_py()
    return Crop(left=left, top=top, side=side).to_crop(found.crop.to_image(found.landmarks))


def noise_floor(recordings: Mapping[str, Clip], finder: Finder) -> ScoredRow:
    """The row; `recordings` are the clips of the corpus by their id.

    A clip of which only the first frames are scored is looked at whole.
    """

    def draw(case: Case) -> Points:
        clip = recordings.get(case.clip.clip_id)
        if clip is None:
            raise InputError(f"clip {case.clip.clip_id} is not in the corpus: pass the folder that was prepared")
        return look_again(clip, case.clip, finder)[: len(case.target)]

    return ScoredRow(name=NOISE_FLOOR, draw=draw)


def main() -> None:
    parser = argparse.ArgumentParser(description="the face finder against itself")
    parser.add_argument("corpus", choices=CORPORA)
    parser.add_argument("folder", type=Path)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--split", choices=("val", "test"), default="test")
    parser.add_argument("--speakers", default="", help="only these, joined by commas")
    parser.add_argument("--limit", type=int, help="at most so many clips, evenly spread: for a try")
    arguments = parser.parse_args()
    speakers = tuple(filter(None, arguments.speakers.split(",")))
    selection = Selection(split=arguments.split, speakers=speakers, limit=arguments.limit)
    clips = {clip.clip_id: clip for clip in read_corpus(arguments.corpus, CorpusRequest(source=arguments.folder))}
    with FaceFinder(max_faces=1) as finder:
        scored = score_rows([noise_floor(clips, finder)], [ClipStore(arguments.prepared)], selection)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    scored.save(arguments.output)
    for metric in ("M-LD", "M-LVD", "F-LD", "F-LVD"):
        print(metric, *(f"{a} {scored.summary(NOISE_FLOOR, a, metric).mean:.3f}" for a in ALIGNMENTS))


if __name__ == "__main__":
    main()
