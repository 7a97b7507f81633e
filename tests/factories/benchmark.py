"""Small things that tests of the benchmark are made of: data, rows, runs in this process, results by hand."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from factories.evaluation import clip_row
from factories.training import DIM, talking_face, tiny_run, write_clips

from kfusion.benchmark.plan import BenchmarkSetup, PlannedRun
from kfusion.benchmark.protocols import PROTOCOLS
from kfusion.benchmark.run_record import NetworkSpeed, RunRecord, TestScores, TrainingRecord, run_path
from kfusion.benchmark.system_scores import KEPT, KEPT_ALIGNMENTS
from kfusion.benchmark.systems import System, known_systems
from kfusion.benchmark.worker import carry_out
from kfusion.data.clip import Clip
from kfusion.data.store import clip_table, write_shard
from kfusion.errors import KfusionError
from kfusion.evaluation.alignment import ALIGNMENTS
from kfusion.evaluation.bootstrap import summarise
from kfusion.evaluation.metrics.catalogue import METRIC_VERSION, METRICS
from kfusion.evaluation.score_sheet import FaceExample
from kfusion.models.baselines import BaselineConfig
from kfusion.training.run_config import RunConfig

STEPS = 3
SPEAKERS = ["toy/a", "toy/a", "toy/b", "toy/b"]
CLIPS = ["c0", "c1", "c2", "c3"]


def write_root(root: Path, names: Iterable[str] = ("grid", "lrwar")) -> Path:
    """A data root with small prepared data sets: six clips to train on, two to validate, three to test."""
    for name in names:
        for split, speakers in (("train", "aaabbb"), ("val", "aa"), ("test", "cce")):
            write_clips(root / name, split, speakers)
    return root


def write_corpus(root: Path, clips: Iterable[Clip], frames: int = 10) -> Path:
    """A prepared data set of a corpus as its reader describes it, with made-up landmarks and sound."""
    tables: dict[str, list[object]] = {}
    for number, clip in enumerate(clips):
        row = clip_row(clip.clip_id, clip.speaker, clip.split, clip.corpus, frames)
        row |= {"emotion": clip.emotion, "intensity": clip.intensity}
        samples = 0.1 * np.random.default_rng(number).standard_normal(frames * 16_000 // 30)
        table = clip_table(row, talking_face(frames, number), samples.astype(np.float32))
        tables.setdefault(clip.split, []).append(table)
    (root / "data").mkdir(parents=True)
    for split, found in tables.items():
        write_shard(root / "data" / f"{split}-00000.parquet", found)
    return root


def tiny_kfusion() -> RunConfig:
    """The network of the row `kfusion` in tests."""
    return tiny_run(data__variants=1)


def tiny_temporal() -> RunConfig:
    """The plain row in tests."""
    model = BaselineConfig(network="temporal-conv", speech_encoder="tiny", feature_dim=DIM)
    return replace(tiny_kfusion(), model=model)


def tiny_systems() -> dict[str, System]:
    """The known rows with two trained ones, both tiny."""
    made = {"kfusion": tiny_kfusion, "temporal-conv": tiny_temporal}
    return {
        name: replace(system, make=made.get(name))
        for name, system in known_systems().items()
        if name in made or system.group == "sanity"
    }


def setup_in(folder: Path, data_root: Path, protocol: str = "grid") -> BenchmarkSetup:
    """A setup whose results and runs are in `folder`."""
    return BenchmarkSetup(
        protocol=PROTOCOLS[protocol],
        data_root=data_root,
        results=folder / "results",
        runs=folder / "runs",
        steps=STEPS,
        threads=1,
        accelerator="cpu",
        rates=(1.0,),
    )


class Ended:
    """A run that was done in this process."""

    def __init__(self, code: int) -> None:
        self.code = code

    def poll(self) -> int | None:
        """Its exit code."""
        return self.code

    def terminate(self) -> None:
        """It has ended."""

    def wait(self, timeout: float | None = None) -> int:
        """It has ended."""
        return self.code

    def kill(self) -> None:
        """It has ended."""


class InProcess:
    """Runs in this process, and remembers which."""

    def __init__(self) -> None:
        self.started: list[str] = []

    def __call__(self, run: PlannedRun, hours: float | None) -> Ended:
        """Do the run as its worker would."""
        self.started.append(run.name)
        run.log.parent.mkdir(parents=True, exist_ok=True)
        run.log.write_text("")
        try:
            carry_out(replace(run, setup=replace(run.setup, max_hours=hours)))
        except KfusionError as error:
            run.log.write_text(f"epoch 1/1\nkfusion: error: {error}\n")
            return Ended(2)
        return Ended(0)


def record(row: str, seed: int = 0, mld: Iterable[float] = (2.0, 2.0, 2.0, 2.0), **changes: object) -> RunRecord:
    """A record by hand: M-LD clip by clip, F-LD a tenth under it, and the correlation 1 / M-LD."""
    found = RunRecord(
        protocol="grid",
        row=row,
        seed=seed,
        status="ok",
        metric_version=METRIC_VERSION,
        kfusion_version="0.0.0",
        steps=900,
        config=None,
        data={"train": "aa"},
        training=_training(),
        speed=NetworkSpeed(sound_s=10.0, network=0.01, with_features=0.02),
        tests={"unseen-speakers": scores_of(list(mld))},
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def scores_of(mld: list[float], data_id: str = "same") -> TestScores:
    """Scores whose every alignment and metric but three is 1."""
    values = {metric: [1.0] * len(mld) for metric in METRICS}
    values |= {"M-LD": mld, "F-LD": [0.9 * one for one in mld], "opening_correlation": [1 / one for one in mld]}
    summaries = {name: summarise(np.array(column), SPEAKERS) for name, column in values.items()}
    plain = {name: one.interval for name, one in summaries.items()}
    face = talking_face(1, 0)[0].ravel().tolist()
    return TestScores(
        data_id=data_id,
        identities={"other-clip": len(mld)},
        clips=CLIPS,
        speakers=SPEAKERS,
        summaries=dict.fromkeys(ALIGNMENTS, plain),
        per_clip={alignment: {name: values[name] for name in KEPT} for alignment in KEPT_ALIGNMENTS},
        frechet=0.5,
        example=FaceExample(clip_id="c2", inter_ocular_px=90.0, times_s=[0.1], target=[face], predicted=[face]),
    )


def _training() -> TrainingRecord:
    return TrainingRecord(
        parameters=2_000_000,
        steps=900,
        clip_seconds=14_400.0,
        seconds=600.0,
        cpu_seconds=1200.0,
        threads=2,
        machine="a machine",
        weights="w",
        best_epoch=3,
        curve={"step": [60.0, 120.0], "loss": [2.0, 1.0], "M-LD": [4.0, 3.0], "correlation": [0.1, 0.5]},
    )


def save(results: Path, *found: RunRecord) -> Path:
    """Write results where the benchmark would."""
    for one in found:
        one.save(run_path(results, one.protocol, one.row, one.seed))
    return results
