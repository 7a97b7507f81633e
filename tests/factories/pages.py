"""The pages that people read, their blocks of code, and a folder in which their commands find what they name."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet
from factories.media import write_recording
from numpy.typing import NDArray
from PIL import Image

import kfusion
from kfusion import assets
from kfusion.audio import read_audio
from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.formats.motion_files import write_motion
from kfusion.inference.film import write_film
from kfusion.landmarks import LandmarkSequence
from kfusion.motion.face_motion import Motion

ROOT = Path(__file__).parents[2]
TEXTS = {str(path.relative_to(ROOT)): path.read_text() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))}
BY_HAND = {name: text for name, text in TEXTS.items() if not name.startswith(("docs/measured/", "CHANGELOG"))}
READ = {name: text for name, text in BY_HAND.items() if name == "README.md" or name.startswith("docs/")}
"""What a user reads."""
SHORT_S = 1.6
SHELL = set("|<>&$;")


class Block(NamedTuple):
    """A fenced block of a page."""

    page: str
    language: str
    text: str

    @property
    def lines(self) -> list[str]:
        """The commands of a block of the shell, without comments."""
        lines = (re.sub(r"(^| +)#.*", "", line).rstrip() for line in self.text.splitlines())
        return [line for line in lines if line]


def blocks(language: str) -> list[Block]:
    """Those of a language, in README.md and docs/."""
    found = re.compile(rf"^```{language}\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
    return [Block(page, language, match[1]) for page, text in READ.items() for match in found.finditer(text)]


def spans(*beginnings: str) -> list[tuple[str, str]]:
    """Page and text of code inside a line that begins with one of the words, and a command after it."""
    outside = {page: re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL) for page, text in BY_HAND.items()}
    found = [
        (page, " ".join(span.split())) for page, text in outside.items() for span in re.findall(r"`([^`]+)`", text)
    ]
    return [(page, span) for page, span in found if span.startswith(tuple(f"{word} " for word in beginnings))]


def furnish(desk: Path) -> None:
    """Files of the names that the pages use; the recordings are short."""
    sound = read_audio(assets.SAMPLE_SPEECH)[16_000 : 16_000 + round(SHORT_S * 16_000)]
    for name, codec in (("speech.wav", "pcm_s16le"), ("a.wav", "pcm_s16le"), ("c.flac", "flac")):
        write_recording(desk / name, sound, 16_000, codec=codec)
    (desk / "speech.raw").write_bytes(np.round(sound * 32767).astype("<i2").tobytes())
    shutil.copy(assets.SAMPLE_PORTRAIT, desk / "portrait.jpg")
    face = np.asarray(Image.open(assets.SAMPLE_PORTRAIT))
    Image.fromarray(np.concatenate([face, face], axis=1)).save(desk / "group.jpg")
    picture = np.ascontiguousarray(face[: face.shape[0] // 2 * 2, : face.shape[1] // 2 * 2])
    pictures = [picture] * round(SHORT_S * 25)
    size_px = picture.shape[1], picture.shape[0]
    write_film(desk / "b.mp4", pictures, iter([sound]), size_px=size_px, fps=25, total=len(pictures))
    for name in ("talk.mp4", "interview.mov"):
        shutil.copy(desk / "b.mp4", desk / name)
    write_motion(_still(), desk / "avatar.glb", "glb")
    _write_manifests(desk)


def _write_manifests(desk: Path) -> None:
    rows = [{"speech": "a.wav", "face": "portrait.jpg"}, {"speech": "c.flac", "face": None}]
    (desk / "clips.csv").write_text("speech,face\na.wav,portrait.jpg\nc.flac,\n")
    (desk / "clips.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), desk / "clips.parquet")


def _still() -> Motion:
    points: NDArray[np.float32] = np.load(assets.MEAN_FACE).astype(np.float32)
    sequence = LandmarkSequence(points=np.repeat(points[None], 2, 0), fps=30.0, coordinates="image")
    weights = np.zeros((2, len(ARKIT_SHAPES)), np.float32)
    return Motion(sequence=sequence, weights=weights, head=np.zeros((2, 3), np.float32))


def missing_program(line: str) -> str | None:
    """The first program of a command line that is not on this machine."""
    words = [part.split()[0] for part in re.split(r"\||&&", line)]
    return next((word for word in words if word != "kfusion" and shutil.which(word) is None), None)


def run_line(line: str, desk: Path) -> None:
    """A line of the shell, by the shell; a plain one of kfusion in this process, which takes less time."""
    if line.startswith("kfusion ") and not SHELL & set(line):
        from kfusion.cli.main import main

        code = main(shlex.split(line)[1:])
    else:
        code = subprocess.run(["bash", "-o", "pipefail", "-ec", line], env=_environment(desk), check=False).returncode
    if "doctor" not in line:  # it tells what is wrong with a machine
        assert code == 0, line


def _environment(desk: Path) -> dict[str, str]:
    """That of this process, with `kfusion` as a command."""
    folder = desk / ".bin"
    folder.mkdir(exist_ok=True)
    command = folder / "kfusion"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m kfusion "$@"\n')
    command.chmod(0o755)
    source = str(Path(kfusion.__file__).parents[1])
    path = {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": f"{source}:{os.environ.get('PYTHONPATH', '')}"}
    return {**os.environ, **path}
