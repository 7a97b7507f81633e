"""Teach the streaming speech encoder, then the network that reads it; each run can be broken off and goes on.

Usage:
    python tools/distil.py encoder --data GRID --data SPEECH -o RUN              -> RUN/encoder.safetensors
    python tools/distil.py network --data GRID --labelled SPEECH -o RUN          -> RUN/best, for `kfusion export`
    python tools/distil.py network --from TRAINED/best --data GRID --labelled SPEECH -o RUN

GRID and SPEECH are prepared data sets, SPEECH one that `label_speech.py` made. The network reads the packaged encoder,
or the one that `--encoder FILE` names. With `--from` a trained network, for streams or recordings, learns on. With
`--device cuda` the packaged weights for streams took 3.3 minutes and 2.6 minutes.
"""

import argparse
import logging
import sys
from dataclasses import replace
from pathlib import Path

import torch

from kfusion.config import add_flag, override
from kfusion.data.store import ClipStore
from kfusion.errors import InputError, KfusionError
from kfusion.files import atomic_path
from kfusion.models.kfusion import KFusion
from kfusion.models.kfusion_config import KFusionConfig
from kfusion.models.speech import STREAMING, load_speech_encoder
from kfusion.models.speech.encoder import SpeechEncoder
from kfusion.models.speech.streaming import PACKAGED, StreamingConfig, StreamingEncoder
from kfusion.presets import live
from kfusion.training.checkpoint import CheckpointInfo, load_model, read_info, save_checkpoint
from kfusion.training.distil import Course, EncoderCourse, NetworkCourse, validate
from kfusion.training.pieces import CourseConfig, Pieces, talks_of
from kfusion.training.run_config import RunConfig
from kfusion.training.training_set import describe

ENCODER = CourseConfig(steps=7300, batch_size=128, learning_rate=1.5e-3, warmup_steps=300)
NETWORK = CourseConfig(steps=2750)
ON = CourseConfig(steps=200, batch_size=32, learning_rate=5e-4, warmup_steps=20, averaged_steps=100)
"""Of a network that learns on: after more steps it only fits the speakers that it is shown."""
SETTINGS = {"steps": int, "batch_size": int, "learning_rate": float, "piece_frames": int, "seed": int}
SETTINGS |= {"averaged_steps": int, "labelled_share": float}
SAVED_EVERY_S = 60.0


def main() -> None:
    """Read the arguments, go on with what `-o` holds, write what was learnt."""
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    arguments = _parser().parse_args()
    torch.set_num_threads(arguments.threads)
    torch.backends.cudnn.allow_tf32 = False  # the spectrum is a convolution, and has to resolve 70 dB
    arguments.output.mkdir(parents=True, exist_ok=True)
    changes = {name: getattr(arguments, name) for name in SETTINGS if hasattr(arguments, name)}
    try:
        {"encoder": _encoder, "network": _network}[arguments.what](arguments, changes)
    except KfusionError as error:
        sys.exit(f"distil.py: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Teach the streaming speech encoder, or the network that reads it.")
    parser.add_argument("what", choices=("encoder", "network"))
    parser.add_argument("--data", type=Path, action="append", required=True, help="prepared data sets")
    parser.add_argument("--labelled", type=Path, action="append", default=[], help="labelled speech (network)")
    parser.add_argument("--encoder", type=Path, default=PACKAGED, help="weights (network; default: the packaged)")
    parser.add_argument("--from", dest="taught", metavar="CHECKPOINT", type=Path, help="learns on (network)")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where (default: cpu)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0, help="processes that cut pieces (network)")
    for name, kind in SETTINGS.items():
        add_flag(parser, f"--{name.replace('_', '-')}", name, kind, "see CourseConfig")
    return parser


def _encoder(arguments: argparse.Namespace, changes: dict[str, float]) -> None:
    stores = [ClipStore(root) for root in arguments.data]
    sounds = [talk.samples for talk in talks_of(stores, "train")]
    course = EncoderCourse(StreamingConfig(), sounds, override(ENCODER, changes), arguments.device)
    _finish(course, arguments.output)
    with atomic_path(arguments.output / "encoder.safetensors") as part:
        course.kept.encoder.save(part)


def _network(arguments: argparse.Namespace, changes: dict[str, float]) -> None:
    stores, labelled = ([ClipStore(root) for root in roots] for roots in (arguments.data, arguments.labelled))
    config = override(NETWORK if arguments.taught is None else ON, changes)
    pieces = Pieces(talks_of(stores, "train"), talks_of(labelled, "train"), config)
    validation = talks_of(stores, "val")
    if not validation:
        raise InputError("no recordings of faces to validate on: pass a --data with clips in the split 'val'")
    network, encoder, run = _pupil(arguments)
    course = NetworkCourse(network, encoder, pieces, config, arguments.device, arguments.workers)
    _finish(course, arguments.output)
    info = CheckpointInfo(
        run=replace(run, model=course.kept.config),
        emotions=(),
        training_data=tuple(describe(store) for store in (*stores, *labelled)),
        scores=validate(course, validation),
        finished=True,
    )
    save_checkpoint(arguments.output / "best", course.kept, info)
    logging.info(info.scores)


def _pupil(arguments: argparse.Namespace) -> tuple[KFusionConfig | KFusion, SpeechEncoder, RunConfig]:
    """Who learns, the encoder that it hears through, and the run that goes down in its checkpoint."""
    if arguments.taught is not None:
        network, run = load_model(arguments.taught), read_info(arguments.taught).run
        if not isinstance(network, KFusion):
            raise InputError(f"{arguments.taught}: {type(network).__name__} cannot learn on: pass a KFusion")
        return network, load_speech_encoder(network.config.speech_encoder), run
    run = live()
    if arguments.encoder != PACKAGED:
        run = override(run, {"model.speech_encoder": f"{STREAMING}:{arguments.encoder}"})
    return run.model, StreamingEncoder.load(arguments.encoder), run


def _finish(course: Course, out: Path) -> None:
    """To the end of the course, with a state to go on from every minute."""
    resume = out / "resume.pt"
    if resume.exists():
        course.load_state(torch.load(resume, map_location=course.device, weights_only=True))
    while not course.run(SAVED_EVERY_S, lambda step, terms: logging.info("%d %s", step, terms)):
        with atomic_path(resume) as part:
            torch.save(course.state(), part)
    resume.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
