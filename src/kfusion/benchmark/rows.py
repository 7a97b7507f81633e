"""The rows of the table: systems that are trained, and the sanity rows that every table carries."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from kfusion.errors import InputError
from kfusion.evaluation.sanity import (
    HOLD,
    MEAN_MOTION,
    MEDIAN_FACE,
    NOISE_FLOOR,
    SHUFFLED,
    SHUFFLED_EMOTION,
    TARGET,
)
from kfusion.models.baselines import BASELINES, BaselineConfig
from kfusion.models.kfusion import KFusionConfig, matched_mlp_width
from kfusion.presets import PRESETS, load_preset
from kfusion.training.config import RunConfig
from kfusion.training.losses import LossConfig

OURS, SANITY = "kfusion", "sanity"
"""The row that all others are compared with, and the group of rows that are not ranked."""
PACKAGED = "packaged"
"""The weights in the package, made from other data with another budget; after new ones run it with `again`."""
FIRST_SEED, SEEDS = (0,), (0, 1, 2)
TITLES = {
    "temporal-conv": "temporal convolutions (ours, plain)",
    "atvgnet": "ATVGnet AT-net (Chen et al. 2019)",
    "makeittalk": "MakeItTalk, content (Zhou et al. 2020)",
    "evp": "EVP audio-to-landmark (Ji et al. 2021)",
    "eskimez-2018": "Eskimez et al. 2018",
    "eskimez-2021": "Eskimez et al. 2021, adapted",
    "mead-baseline": "MEAD baseline (Wang et al. 2020)",
    "speech-sync-net": "SpeechSyncNet (Cao et al. 2023)",
}
"""What the tables call the baselines; one that is not listed goes by its own name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the table."""

    name: str
    title: str
    group: str
    """`ours`, `ablation`, `simple`, `baseline` or `sanity`."""
    make: Callable[[], RunConfig] | None = None
    """How it is trained, but for seed and budget; none for a sanity row."""
    of: str | None = None
    """The row whose network a sanity row asks."""
    seeds: tuple[int, ...] = FIRST_SEED
    """Those that are run when nothing else is asked for."""


def known_rows() -> dict[str, Row]:
    """All rows by name, in the order of the table."""
    rows = [*_ours(), *_ablations(), *_baselines(), *_sanity()]
    return {row.name: row for row in rows}


def find_rows(names: tuple[str, ...]) -> list[Row]:
    """The rows called `names` in the order of the table; all if none is named.

    Raises:
        InputError: a name is unknown.
    """
    known = known_rows()
    for name in names:
        if name not in known:
            raise InputError(f"unknown row '{name}': use {', '.join(known)}")
    return [row for row in known.values() if not names or row.name in names]


def _ours() -> list[Row]:
    return [Row(name=OURS, title="KFusion (ours)", group="ours", make=_default, seeds=SEEDS)]


def _ablations() -> list[Row]:
    edits: dict[str, tuple[str, Callable[[], RunConfig], tuple[int, ...]]] = {
        "without-kfusion": ("w/o KFusion", lambda: _edited(fusion="concat"), SEEDS),
        "without-lstm": ("w/o LSTM", lambda: _edited(lstm=False), FIRST_SEED),
        "without-global": ("w/o Global", lambda: _edited(global_domain=False), SEEDS),
        "mlp-parameters": ("repl. MLP, parameters matched", _mlp_with_as_many_parameters, SEEDS),
        "mlp-width": ("repl. MLP, width matched", lambda: _edited(head="mlp"), FIRST_SEED),
        "identity-points": ("identity as points alone", lambda: _edited(identity_vector=False), FIRST_SEED),
        "mse-only": ("the paper's loss (MSE alone)", lambda: replace(_default(), loss=LossConfig()), FIRST_SEED),
    }
    return [
        Row(name=name, title=title, group="ablation", make=make, seeds=seeds)
        for name, (title, make, seeds) in edits.items()
    ]


def _baselines() -> list[Row]:
    """Every registered baseline; those that are trained with our loss stand first and get the seeds of ours."""
    ordered = sorted(BASELINES.items(), key=lambda item: item[1].own_loss)
    return [
        Row(
            name=name,
            title=TITLES.get(name, name),
            group="baseline" if kind.own_loss else "simple",
            make=partial(_preset, name),
            seeds=FIRST_SEED if kind.own_loss else SEEDS,
        )
        for name, kind in ordered
    ]


def _preset(name: str) -> RunConfig:
    """A baseline's preset; one that has none is trained as `default` is."""
    if name in PRESETS:
        return load_preset(name)
    return replace(_default(), model=BaselineConfig(network=name))


def _sanity() -> list[Row]:
    titles = {
        PACKAGED: ("the packaged weights (other data and budget)", None),
        HOLD: ("hold the identity", None),
        MEDIAN_FACE: ("speaker's median face", None),
        MEAN_MOTION: ("mean motion", None),
        SHUFFLED: ("KFusion, shuffled audio", OURS),
        SHUFFLED_EMOTION: ("KFusion, shuffled emotion", OURS),
        NOISE_FLOOR: ("extractor's noise floor", None),
        TARGET: ("the recording itself", None),
    }
    return [Row(name=name, title=title, group=SANITY, of=of) for name, (title, of) in titles.items()]


def _default() -> RunConfig:
    return load_preset("default")


def _edited(**changes: Any) -> RunConfig:
    run = _default()
    return replace(run, model=replace(run.model, **changes))


def _mlp_with_as_many_parameters() -> RunConfig:
    model = _default().model
    assert isinstance(model, KFusionConfig)
    return _edited(head="mlp", mlp_width=matched_mlp_width(model))
