"""From clips to one number: the mean of the speakers' means, with a 95 % interval.

The interval is a bootstrap over speakers and, within each drawn speaker, over clips; with one speaker
over clips alone. All rows and scores of an evaluation see the same draws, so differences are paired.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
SEED = 0
INTERVAL_PERCENT = (2.5, 97.5)

Values = NDArray[np.float64]
"""One number a clip, (clips,); NaN where it is undefined."""


class Interval(NamedTuple):
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """A score over clips."""

    mean: float
    """Mean over speakers of each one's mean over clips."""
    low: float
    """Lower end of the 95 % interval; NaN with fewer than two clips."""
    high: float
    clip_mean: float
    """Mean over clips, whoever speaks."""
    clips: int
    """How many clips it is the mean of."""
    undefined: int
    """How many clips were left out because the score is not defined there."""

    @property
    def interval(self) -> Interval:
        """The part of it that a benchmark keeps."""
        return Interval(self.mean, self.low, self.high)

    @property
    def is_certain(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def method(speakers: list[str]) -> str:
    """How the interval was made, in words."""
    over = "speakers, then clips within each" if len(set(speakers)) > 1 else "clips (there is one speaker)"
    return f"95 % percentile bootstrap over {over}; {RESAMPLES} resamples, seed {SEED}"


def summarise(values: Values, speakers: list[str]) -> Summary:
    """The mean of `values` over the clips where it is defined, and its interval."""
    defined = ~np.isnan(values)
    kept = values[defined]
    clip_mean = float(kept.mean()) if len(kept) else float("nan")
    return _summary(defined, speakers, lambda weights: weights @ kept, clip_mean)


def ratio(values: Values, reference: Values, speakers: list[str]) -> Summary:
    """The mean of `values` over the mean of `reference`, over clips that define both, with a paired interval.

    NaN where the mean of `reference` is not above zero.
    """
    defined = ~(np.isnan(values) | np.isnan(reference))
    a, b = values[defined], reference[defined]
    uniform = np.full(len(a), 1 / max(len(a), 1))
    clip_mean = float(_divide(uniform @ a, uniform @ b))
    return _summary(defined, speakers, lambda weights: _divide(weights @ a, weights @ b), clip_mean)


def improvement_percent(values: Values, reference: Values, speakers: list[str]) -> Summary:
    """How much lower the mean of `values` is than that of `reference`, in percent of the latter."""
    share = ratio(values, reference, speakers)
    mean, low, high, clip_mean = (100 * (1 - one) for one in (share.mean, share.high, share.low, share.clip_mean))
    return replace(share, mean=mean, low=low, high=high, clip_mean=clip_mean)


def _summary(
    defined: NDArray[np.bool_], speakers: list[str], statistic: Callable[[Values], Values], clip_mean: float
) -> Summary:
    """Of a statistic by the weights of the clips that count: (clips,) gives one value, (resamples, clips) one each."""
    weights, draws = _weights(_groups(speakers, defined))
    clips = len(weights)
    low, high = _interval(statistic(draws)) if clips > 1 else (float("nan"), float("nan"))
    return Summary(
        mean=float(statistic(weights)) if clips else float("nan"),
        low=low,
        high=high,
        clip_mean=clip_mean,
        clips=clips,
        undefined=int((~defined).sum()),
    )


def _divide(a: Values, b: Values) -> Values:
    return np.where(b > 0, a / np.where(b > 0, b, 1), np.nan)


def _interval(means: Values) -> tuple[float, float]:
    means = means[~np.isnan(means)]
    if not len(means):
        return float("nan"), float("nan")
    low, high = np.percentile(means, INTERVAL_PERCENT)
    return float(low), float(high)


def _groups(speakers: list[str], defined: NDArray[np.bool_]) -> tuple[int, ...]:
    """The speaker of each clip that counts, as a number."""
    names = [speaker for speaker, counts in zip(speakers, defined, strict=True) if counts]
    numbers = {name: index for index, name in enumerate(dict.fromkeys(names))}
    return tuple(numbers[name] for name in names)


@lru_cache(maxsize=32)
def _weights(groups: tuple[int, ...]) -> tuple[Values, Values]:
    """The weight of each clip in the mean, (clips,), and in each resampled mean, (RESAMPLES, clips)."""
    random = np.random.default_rng(SEED)
    count, total = max(groups, default=-1) + 1, len(groups)
    speaker = np.array(groups, int)
    weights, draws = np.zeros(total), np.zeros((RESAMPLES, total))
    drawn = random.integers(count, size=(RESAMPLES, count)) if count else np.zeros((RESAMPLES, 0))
    for one in range(count):
        clips = np.flatnonzero(speaker == one)
        weights[clips] = 1 / (count * len(clips))
        resample, _ = np.nonzero(drawn == one)
        picked = random.integers(len(clips), size=(len(resample), len(clips)))
        places = (resample[:, None] * len(clips) + picked).ravel()
        times = np.bincount(places, minlength=RESAMPLES * len(clips)).reshape(RESAMPLES, -1)
        draws[:, clips] = times / (count * len(clips))
    return weights, draws
