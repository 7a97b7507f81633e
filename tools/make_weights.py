"""Make the packaged weights anew, by one command: what was done is not done again, so the same command goes on.

    python tools/make_weights.py default --grid GRID --facegood FACEGOOD --speech SPEECH_CSV -o work [--base BASE_BIN]
    python tools/make_weights.py live    --grid GRID --facegood FACEGOOD --speech SPEECH_CSV -o work [--device cuda]

GRID and FACEGOOD are the corpora as `kfusion prepare` reads them, SPEECH_CSV lists speech alone (see label_speech.py).
BASE_BIN is CTranslate2's model.bin of Whisper base: with it a third teacher is trained first. The others are the
packaged weights. The bundle is work/default.onnx or work/live.onnx.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kfusion import assets

TOOLS = Path(__file__).parent
KFUSION = (sys.executable, "-m", "kfusion")
SEVERAL_TEACHERS_GAIN = "1.15"
FACEGOOD_SYNC_MS = "25"
"""How early its sound is."""

Words = tuple[str | Path, ...]


class Stage(NamedTuple):
    """One command, done once its result is there."""

    result: Path
    command: Words
    again: bool = False
    """Whether the command itself knows that it is done: its result is there before that."""


def main() -> int:
    """Run every stage whose result is not there."""
    arguments = _arguments()
    for stage in plan(arguments):
        if stage.result.exists() and not stage.again:
            print(f"{stage.result}: is there", flush=True)
            continue
        began_s = time.monotonic()
        done = subprocess.run([str(word) for word in stage.command], check=False)
        if done.returncode or not stage.result.exists():
            print(f"{stage.result}: was not made, by {' '.join(map(str, stage.command))}", file=sys.stderr)
            return done.returncode or 1
        print(f"{stage.result}: {(time.monotonic() - began_s) / 60:.1f} min", flush=True)
    return 0


def plan(arguments: argparse.Namespace) -> Iterator[Stage]:
    """The stages in order."""
    work: Path = arguments.output
    grid, facegood, speech = work / "grid", work / "facegood", work / "speech"
    yield Stage(grid / "README.md", (*KFUSION, "prepare", "grid", arguments.grid, "-o", grid, "--sync", "off"))
    facegood_words = ("facegood", arguments.facegood, "-o", facegood, "--sync", FACEGOOD_SYNC_MS)
    yield Stage(facegood / "README.md", (*KFUSION, "prepare", *facegood_words))
    seen = ("--data", grid, "--data", facegood)
    teachers: list[Path] = [assets.DEFAULT_MODEL, assets.STREAM_MODEL]
    if arguments.base is not None:
        yield from _base_teacher(arguments, seen)
        teachers.append(work / "base.onnx")
    told = [word for teacher in teachers for word in ("--teacher", teacher)]
    label = (sys.executable, TOOLS / "label_speech.py", arguments.speech, speech, *told)
    yield Stage(speech / "data" / "train-00000.parquet", (*label, "--gain", SEVERAL_TEACHERS_GAIN))
    make = _default if arguments.weights == "default" else _live
    yield from make(arguments, seen, speech)


def _base_teacher(arguments: argparse.Namespace, seen: Words) -> Iterator[Stage]:
    hears = ("--speech-encoder", f"whisper:{arguments.base}:4", "--model.feature-dim", "512")
    budget = ("--data.variants", "6", "--data.clip-s", "3", "--epochs", "12")
    run = arguments.output / "base"
    yield _trained(arguments, run, (*seen, *hears, *budget))
    yield _export(run, ())


def _default(arguments: argparse.Namespace, seen: Words, speech: Path) -> Iterator[Stage]:
    """FACEGOOD, the smaller corpus, counts twice where the network learns on."""
    first, run = arguments.output / "default-first", arguments.output / "default"
    yield _trained(arguments, first, (*seen, "--data", speech, "--threads", "1"))
    yield _on(arguments, first, (*seen, "--data", arguments.output / "facegood", "--labelled", speech), run)
    yield _export(run, ("--precision", "int8"))


def _trained(arguments: argparse.Namespace, run: Path, words: Words) -> Stage:
    """A training, which goes on where it was cut off."""
    budget = () if arguments.max_steps is None else ("--max-steps", str(arguments.max_steps))
    return Stage(run / "best", (*KFUSION, "train", "default", *words, "-o", run, *budget), again=True)


def _live(arguments: argparse.Namespace, seen: Words, speech: Path) -> Iterator[Stage]:
    heard = ("--data", arguments.output / "grid", "--data", speech)
    encoder = arguments.output / "encoder" / "encoder.safetensors"
    yield Stage(encoder, _distil(arguments, "encoder", (*heard, "-o", encoder.parent)))
    run = arguments.output / "live"
    words = (*seen, "--labelled", speech, "--encoder", encoder, "-o", run, "--workers", str(arguments.workers))
    yield Stage(run / "best", _distil(arguments, "network", words))
    yield _export(run, ("--precision", "int8"))


def _on(arguments: argparse.Namespace, first: Path, words: Words, run: Path) -> Stage:
    """What was taught in `first` learns on, with sounds that change all the time."""
    return Stage(run / "best", _distil(arguments, "network", ("--from", first / "best", *words, "-o", run)))


def _distil(arguments: argparse.Namespace, what: str, words: Words) -> Words:
    steps = () if arguments.max_steps is None else ("--steps", str(arguments.max_steps))
    return (sys.executable, TOOLS / "distil.py", what, *words, "--device", arguments.device, *steps)


def _export(run: Path, precision: Words) -> Stage:
    bundle = run.with_suffix(".onnx")
    words = (run / "best", "-o", bundle, "--model-id", f"kfusion-{run.name}", *precision)
    return Stage(bundle, (*KFUSION, "export", *words))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", choices=("default", "live"), help="for recordings, or for streams")
    parser.add_argument("--grid", type=Path, required=True, help="folder of GRID")
    parser.add_argument("--facegood", type=Path, required=True, help="folder of FACEGOOD")
    parser.add_argument("--speech", type=Path, required=True, help="list of speech alone")
    parser.add_argument("--base", type=Path, help="model.bin of Whisper base, for a third teacher")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of everything that is made")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where `live` learns (default: cpu)")
    parser.add_argument("--workers", type=int, default=0, help="processes that cut pieces for `live`")
    parser.add_argument("--max-steps", type=int, help="of every training, to try the way there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
