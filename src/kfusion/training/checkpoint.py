"""A trained network on disk: `config.json` and `model.safetensors` in a folder, read strictly."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from kfusion import __version__
from kfusion.errors import CheckpointError, InputError
from kfusion.files import atomic_folder
from kfusion.models.networks import Network, build_network
from kfusion.training.run_config import RunConfig, run_from_dict

CHECKPOINT_FORMAT = 3
"""2: the ablations, baselines and `max_steps`; 3: `live`."""
CONFIG, WEIGHTS = "config.json", "model.safetensors"


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointInfo:
    """What a checkpoint says of itself."""

    run: RunConfig
    emotions: tuple[str, ...]
    """Those the training data has clips of."""
    training_data: tuple[dict[str, Any], ...]
    """Of each data set its corpora, its counts and a digest of its clips."""
    scores: dict[str, float] = field(default_factory=dict)
    """On the validation split."""
    epochs: int = 0
    """How many were trained."""
    finished: bool = False
    """Whether the run went to its end."""
    kfusion_version: str = __version__


def save_checkpoint(folder: Path, model: Network, info: CheckpointInfo) -> None:
    """Write a checkpoint; one that was there stays as it was until the new one is whole.

    Raises:
        OutputError: the place cannot be written, or the disk is full.
    """
    tensors = {name: weight.detach().cpu().contiguous() for name, weight in model.state_dict().items()}
    with atomic_folder(folder) as part:
        (part / WEIGHTS).write_bytes(safetensors.torch.save(tensors))
        (part / CONFIG).write_text(json.dumps(_to_json(info), indent=2) + "\n")


def load_model(folder: str | Path) -> Network:
    """The network of a checkpoint, ready to predict.

    Raises:
        CheckpointError: it is missing, damaged, or was written by another version.
    """
    folder = Path(folder)
    info = read_info(folder)
    model = build_network(info.run.model)
    state = _read_weights(folder / WEIGHTS)
    _check_weights(folder / WEIGHTS, state, model.state_dict())
    model.load_state_dict(state)
    return model.eval()


def read_info(folder: str | Path) -> CheckpointInfo:
    """What a checkpoint says of itself.

    Raises:
        CheckpointError: it is missing, damaged, or was written by another version.
    """
    path = Path(folder) / CONFIG
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise CheckpointError(f"{folder}: no {CONFIG} here: pass a checkpoint folder such as RUN/best") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}): copy or train the checkpoint again") from error
    if not isinstance(content, dict) or content.get("format") != CHECKPOINT_FORMAT:
        found = content.get("format", "none") if isinstance(content, dict) else "none"
        raise CheckpointError(
            f"{path}: checkpoint format {found}, kfusion {__version__} reads {CHECKPOINT_FORMAT}: "
            "use the version that wrote it"
        )
    try:
        return _from_json(content)
    except InputError as error:
        raise CheckpointError(f"{path}: {error}: use the kfusion version that wrote the checkpoint") from error


def _to_json(info: CheckpointInfo) -> dict[str, Any]:
    content = asdict(info)
    run: dict[str, Any] = content.pop("run")
    return {"format": CHECKPOINT_FORMAT, **run, **content}


def _from_json(content: dict[str, Any]) -> CheckpointInfo:
    parts = {part.name for part in fields(RunConfig)}
    run = run_from_dict({name: value for name, value in content.items() if name in parts})
    rest = {name: value for name, value in content.items() if name not in parts | {"format"}}
    wrong = rest.keys() ^ ({part.name for part in fields(CheckpointInfo)} - {"run"})
    if wrong:
        raise InputError(f"setting '{min(wrong)}' is {'unknown' if min(wrong) in rest else 'missing'}")
    for name in ("emotions", "training_data"):
        if not isinstance(rest[name], list):
            raise InputError(f"setting '{name}' is {rest[name]!r}, expected a list")
        rest[name] = tuple(rest[name])
    return CheckpointInfo(run=run, **rest)


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: missing: copy or train the checkpoint again") from error
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: damaged ({error}): copy or train the checkpoint again") from error


def _check_weights(path: Path, found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    remedy = "the files of the folder do not belong together: copy or train the checkpoint again"
    for name in sorted(found.keys() ^ wanted.keys()):
        raise CheckpointError(f"{path}: weight '{name}' is {'unknown' if name in found else 'missing'}: {remedy}")
    for name, weight in wanted.items():
        if found[name].shape != weight.shape:
            shapes = f"{tuple(found[name].shape)}, the configuration says {tuple(weight.shape)}"
            raise CheckpointError(f"{path}: weight '{name}' has shape {shapes}: {remedy}")
