"""How a training went, from its TensorBoard log."""

import math
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from kfusion.training.loop import LOGS
from kfusion.training.module import LOSS, MLD, OPENING

TAGS = {"loss": LOSS, "M-LD": MLD, "correlation": OPENING}


def read_curve(run: Path) -> dict[str, list[float]]:
    """One value an epoch of `step` and of each of `TAGS`; NaN where nothing was logged."""
    log = EventAccumulator(str(run / LOGS), size_guidance={"scalars": 0})
    log.Reload()
    there = set(log.Tags()["scalars"])
    points = {
        name: {int(event.step): float(event.value) for event in log.Scalars(tag)} if tag in there else {}
        for name, tag in TAGS.items()
    }
    steps = sorted(points["M-LD"])
    values = {name: [found.get(step, math.nan) for step in steps] for name, found in points.items()}
    return {"step": [step + 1.0 for step in steps], **values}
