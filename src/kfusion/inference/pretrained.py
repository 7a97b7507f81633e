"""Weights in the layout of the Hugging Face Hub: one folder that a Generator is read from and written to.

model.onnx          the network for recordings, or the only one
stream.onnx         that for streams, where there are two
config.json         what the networks say of themselves, and checksums; or the one of the checkpoint beside it
model.safetensors   the checkpoint that the network was exported from, where there is one
README.md           the card
"""

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kfusion import __version__
from kfusion.errors import CheckpointError, MissingExtraError, MissingWeightsError, foreign
from kfusion.files import atomic_path, file_digest
from kfusion.inference.bundle import BundleCard
from kfusion.inference.session import BUNDLE_NAME
from kfusion.inference.stream_bundle import StreamCard

STREAM_NAME, CONFIG_NAME, CARD_NAME = "stream.onnx", "config.json", "README.md"
CHECKPOINT_NAMES = (CONFIG_NAME, "model.safetensors")
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")

Card = BundleCard | StreamCard


def pretrained_folder(source: str | Path, revision: str | None) -> Path:
    """The folder of weights: `source` itself, or what the Hub has under that name, whose checksums were checked.

    Raises:
        MissingWeightsError: there is no such folder, or the Hub did not give it.
        MissingExtraError: it is to come from the Hub, and `huggingface_hub` is not installed.
        CheckpointError: a file is not what the folder says it is.
    """
    folder = Path(source)
    if not folder.exists():
        if not _HUB_NAME.fullmatch(str(source)):
            raise MissingWeightsError(f"{source}: no such folder: pass one with {BUNDLE_NAME}, or a name on the Hub")
        folder = _downloaded(str(source), revision)
    elif revision is not None:
        raise MissingWeightsError(f"{source}: is a folder here, which has no revision {revision}: leave revision out")
    if folder.is_dir():
        _check_sums(folder)
    return folder


def _downloaded(name: str, revision: str | None) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtraError(f"{name}: no such folder, and to read it from the Hub", "hub") from error
    wanted = [BUNDLE_NAME, STREAM_NAME, *CHECKPOINT_NAMES, CARD_NAME]
    remedy = "check the name, the revision and the connection, or pass a folder"
    with foreign(f"{name}: no such folder, and the Hub does not give it", remedy, MissingWeightsError):
        return Path(snapshot_download(name, revision=revision, allow_patterns=wanted))


def _check_sums(folder: Path) -> None:
    for name, said in _sums(folder / CONFIG_NAME).items():
        path = folder / name
        if not path.is_file():
            raise MissingWeightsError(f"{path}: missing, though {CONFIG_NAME} names it: copy or download it again")
        if file_digest(path) != said:
            raise CheckpointError(f"{path}: is not the file that {CONFIG_NAME} names: copy or download it again")


def _sums(config: Path) -> dict[str, str]:
    """Name -> sha256 of the files that a configuration of ours names; none, if it is a checkpoint's or missing."""
    if not config.is_file():
        return {}
    with foreign(f"{config}: damaged", "copy or download it again", CheckpointError):
        content = json.loads(config.read_text())
        return {Path(name).name: str(said) for name, said in content.get("sha256", {}).items()}


def save_pretrained(folder: Path, networks: Mapping[str, Path], cards: Iterable[Card]) -> None:
    """Write the folder; other files in it stay, and a card that is there already.

    Args:
        folder: where to.
        networks: name in the folder -> the bundle that is copied there. A checkpoint beside a bundle goes with it.
        cards: what they say about themselves.

    Raises:
        OutputError: the place cannot be written, or the disk is full.
    """
    cards = list(cards)
    copied = {**networks, **_checkpoint(networks[BUNDLE_NAME].parent)}
    for name, path in copied.items():
        with atomic_path(folder / name) as part:
            shutil.copyfile(path, part)
    sums = {name: file_digest(folder / name) for name in networks}
    if CONFIG_NAME not in copied:
        with atomic_path(folder / CONFIG_NAME) as part:
            part.write_text(json.dumps(_config(cards, sums), indent=2) + "\n")
    if not (folder / CARD_NAME).exists():  # whoever has written one keeps it
        with atomic_path(folder / CARD_NAME) as part:
            part.write_text(_card(folder.name, cards, sums))


def _checkpoint(folder: Path) -> dict[str, Path]:
    found = {name: folder / name for name in CHECKPOINT_NAMES}
    return found if all(path.is_file() for path in found.values()) else {}


def _config(cards: list[Card], sums: dict[str, str]) -> dict[str, Any]:
    names: dict[type[Any], str] = {BundleCard: "recordings", StreamCard: "streams"}
    said = {names[type(card)]: asdict(card) for card in cards}
    return {"library_name": "kfusion", "kfusion_version": __version__, **said, "sha256": sums}


def _card(name: str, cards: list[Card], sums: dict[str, str]) -> str:
    rows = [
        f"| `{card.model_id}` | {'streams' if isinstance(card, StreamCard) else 'recordings'} | {card.fps} | "
        f"{card.precision} | {', '.join(card.emotions) or 'none'} |"
        for card in cards
    ]
    files = [f"| `{name}` | `{said}` |" for name, said in sums.items()]
    return _CARD.format(name=name, version=__version__, rows="\n".join(rows), files="\n".join(files))


_CARD = """---
library_name: kfusion
tags: [talking-face, facial-landmarks, lip-sync, audio, onnx]
---

# {name}

Speech and a face in, 68 moving facial landmarks out: weights for [kfusion](https://pypi.org/project/kfusion/), written
by version {version}.

```python
from kfusion import Generator

model = Generator.from_pretrained("{name}")  # this folder, or its name on the Hub
sequence = model.generate("speech.wav", "portrait.jpg")  # (T, 68, 2), pixels of the portrait
```

| model | hears | frames a second | precision | emotions learned |
|---|---|---:|---|---|
{rows}

| file | sha256 |
|---|---|
{files}

Still to be written by whoever publishes it: `license:` in the head of this file, what it was trained on and with whose
leave, and what it is worth on speakers that it never heard (`kfusion evaluate`).

A face that says what its owner did not say is a synthetic one: mark it, and ask whom you show.
"""
