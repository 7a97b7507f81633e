"""The rows of the table: systems that are trained, and the sanity rows that every table carries."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from kfusion.errors import InputError
from kfusion.evaluation.sanity_rows import (
    MODEL,
    NOISE_FLOOR,
    REFERENCES,
    ROWS,
    SHUFFLED_EMOTION,
    TARGET,
    TITLES,
    UNKNOWN_EMOTION,
)
from kfusion.models.baselines import BASELINES, BaselineConfig
from kfusion.models.kfusion_config import KFusionConfig, matched_mlp_width
from kfusion.presets import PRESETS, load_preset
from kfusion.training.losses import LossConfig
from kfusion.training.run_config import RunConfig

OURS, SANITY = "kfusion", "sanity"
"""The row that all others are compared with, and the group of rows that are not ranked."""
PACKAGED = "packaged"
"""The weights in the package, made from other data with another budget; after new ones run it with `again`."""
WITHOUT_LABELS = "without-labels"
ON_LABELS = frozenset({WITHOUT_LABELS, SHUFFLED_EMOTION, UNKNOWN_EMOTION})
"""Rows that only corpora with emotion labels have."""
FIRST_SEED, SEEDS = (0,), (0, 1, 2)
BASELINE_TITLES = {
    "temporal-conv": "temporal convolutions (ours, plain)",
    "atvgnet": "ATVGnet AT-net (Chen et al. 2019)",
    "makeittalk": "MakeItTalk, content (Zhou et al. 2020)",
    "evp": "EVP audio-to-landmark (Ji et al. 2021)",
    "eskimez-2018": "Eskimez et al. 2018",
    "eskimez-2021": "Eskimez et al. 2021, adapted",
    "mead-baseline": "MEAD baseline (Wang et al. 2020)",
    "speech-sync-net": "SpeechSyncNet (Cao et al. 2023)",
    "song-2020": "Song et al. 2020, adapted",
    "sinha-2022": "Sinha et al. 2022, adapted",
}
"""What the tables call the baselines; one that is not listed goes by its own name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """One line of the table: a network that is trained, or a sanity row beside them."""

    name: str
    title: str
    group: str
    """`ours`, `ablation`, `simple`, `baseline` or `sanity`."""
    make: Callable[[], RunConfig] | None = None
    """How it is trained, but for seed and budget; none for a sanity row."""
    of: str | None = None
    """The system whose network a sanity row asks."""
    seeds: tuple[int, ...] = FIRST_SEED
    """Those that are run when nothing else is asked for."""

    @property
    def scored_row(self) -> str:
        """What it is called where clips are scored, see `kfusion.evaluation.sanity_rows`."""
        return MODEL if self.make is not None or self.name == PACKAGED else self.name


def known_systems() -> dict[str, System]:
    """All rows by name, in the order of the table."""
    ours = System(name=OURS, title="KFusion (ours)", group="ours", make=_default, seeds=SEEDS)
    return {system.name: system for system in (ours, *_ablations(), *_baselines(), *_sanity())}


def find_systems(names: tuple[str, ...]) -> list[System]:
    """The rows called `names` in the order of the table; all if none is named.

    Raises:
        InputError: a name is unknown.
    """
    known = known_systems()
    for name in names:
        if name not in known:
            raise InputError(f"unknown row '{name}': use {', '.join(known)}")
    return [system for system in known.values() if not names or system.name in names]


def _ablations() -> list[System]:
    edits: dict[str, tuple[str, Callable[[], RunConfig], tuple[int, ...]]] = {
        "without-kfusion": ("w/o KFusion", lambda: _edited(fusion="concat"), SEEDS),
        "without-lstm": ("w/o LSTM", lambda: _edited(lstm=False), FIRST_SEED),
        "without-global": ("w/o Global", lambda: _edited(global_domain=False), SEEDS),
        "mlp-parameters": ("repl. MLP, parameters matched", _mlp_with_as_many_parameters, SEEDS),
        "mlp-width": ("repl. MLP, width matched", lambda: _edited(head="mlp"), FIRST_SEED),
        "identity-points": ("identity as points alone", lambda: _edited(identity_vector=False), FIRST_SEED),
        "mse-only": ("the paper's loss (MSE alone)", lambda: replace(_default(), loss=LossConfig()), FIRST_SEED),
    }
    edits[WITHOUT_LABELS] = ("w/o emotion labels", _without_labels, FIRST_SEED)
    return [
        System(name=name, title=title, group="ablation", make=make, seeds=seeds)
        for name, (title, make, seeds) in edits.items()
    ]


def _baselines() -> list[System]:
    """Every registered baseline; those that are trained with our loss stand first and get the seeds of ours."""
    ordered = sorted(BASELINES.items(), key=lambda item: item[1].own_loss)
    return [
        System(
            name=name,
            title=BASELINE_TITLES.get(name, name),
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


def _sanity() -> list[System]:
    titles = {PACKAGED: "the packaged weights (other data and budget)"}
    titles |= {name: f"KFusion, {TITLES[name]}" if ROWS[name].asks_model else TITLES[name] for name in REFERENCES}
    titles |= {NOISE_FLOOR: TITLES[NOISE_FLOOR], TARGET: "the recording itself"}
    asking = {name for name in REFERENCES if ROWS[name].asks_model}
    return [
        System(name=name, title=title, group=SANITY, of=OURS if name in asking else None)
        for name, title in titles.items()
    ]


def _default() -> RunConfig:
    return load_preset("default")


def _edited(**changes: Any) -> RunConfig:
    run = _default()
    return replace(run, model=replace(run.model, **changes))


def _without_labels() -> RunConfig:
    """Every label is hidden in training, so none is told when it is scored."""
    run = _default()
    return replace(run, data=replace(run.data, unknown_emotion=1.0))


def _mlp_with_as_many_parameters() -> RunConfig:
    model = _default().model
    assert isinstance(model, KFusionConfig)
    return _edited(head="mlp", mlp_width=matched_mlp_width(model))
