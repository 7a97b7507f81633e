"""Plain sentences, each computed from the results: what the parts buy, and where ours is not the best."""

import math

from kfusion.benchmark.board import Board, SystemRuns, difference, difference_percent
from kfusion.benchmark.protocols import TestSet
from kfusion.benchmark.systems import OURS
from kfusion.evaluation.bootstrap import Summary

PART_OF_ROW = {
    "mlp-parameters": "The KAN, against an MLP with as many parameters",
    "mlp-width": "The KAN, against an MLP as wide",
    "without-kfusion": "The KFusion block, against concatenation and one linear layer",
    "without-global": "The Global Domain, against leaving it out",
    "without-lstm": "The LSTMs of the Content Domain, against leaving them out",
    "mse-only": "Our loss, against the paper's MSE",
    "without-labels": "The emotion labels, against hiding them all in training",
    "temporal-conv": "The whole design, against plain temporal convolutions on the same features and loss",
}
"""Row that lacks a part -> the part."""
CONTESTED = {"M-LD": -1, "F-LD": -1, "opening_correlation": 1}
"""The scores that ours is to be best in: -1 the lowest wins, 1 the highest."""
NAMES = {"opening_correlation": "mouth-opening correlation"}


def bought(board: Board) -> list[str]:
    """What each part of the network buys on each test set."""
    ours = board.find(OURS)
    if ours is None:
        return ["- The row `kfusion` has no result: nothing can be said of its parts."]
    lines = []
    for name, part in PART_OF_ROW.items():
        other = board.find(name)
        if other is not None:
            lines.append(f"- {part}:")
            lines += [f"  - {_on(ours, other, test)}" for test in board.tests if _both(ours, other, test)]
    return lines


def _on(ours: SystemRuns, other: SystemRuns, test: TestSet) -> str:
    distances = [_percent(metric, difference_percent(ours, other, test.name, metric)) for metric in ("M-LD", "F-LD")]
    heard = difference(ours, other, test.name, "opening_correlation")
    parts = [*distances, *([] if math.isnan(heard.mean) else [_correlation(heard)])]
    return f"{test.name}: {'; '.join(parts)}."


def _percent(metric: str, found: Summary) -> str:
    side = "lower" if found.mean >= 0 else "higher"
    low, high = sorted((found.low, found.high)) if found.mean >= 0 else sorted((-found.low, -found.high))
    text = f"{metric} {abs(found.mean):.1f} % {side} [{low:.1f}, {high:.1f}]"
    return text if found.is_certain else f"{text}, which these clips cannot tell from none"


def _correlation(found: Summary) -> str:
    text = f"correlation {found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
    return text if found.is_certain else f"{text}, which these clips cannot tell from none"


def standing(board: Board) -> list[str]:
    """For every test set and contested score whether ours is best, and by how much it wins or loses."""
    ours = board.find(OURS)
    if ours is None:
        return []
    return [
        f"- {test.name}{', zero-shot' if test.zero_shot else ''}, {NAMES.get(metric, metric)}: "
        f"{_place(board, ours, test, metric)}"
        for test in board.tests
        for metric in CONTESTED
        if ours.scores(test.name)
    ]


def _place(board: Board, ours: SystemRuns, test: TestSet, metric: str) -> str:
    sign = CONTESTED[metric]
    systems = [one for one in board.ranked(test.name) if not math.isnan(one.mean(test.name, metric))]
    others = [one for one in systems if one is not ours]
    own = ours.mean(test.name, metric)
    if math.isnan(own):
        return f"not defined for {ours.system.title}."
    if not others:
        return f"{own:.3f}, no other system was run."
    best = max(others, key=lambda one: sign * one.mean(test.name, metric))
    theirs = best.mean(test.name, metric)
    gap, touch = _gap(ours, best, test, metric), _touch(ours, best, test, metric)
    if sign * own > sign * theirs:
        return f"ours is best, {own:.3f}; second {best.system.title}, {theirs:.3f}: {gap}; {touch}."
    rank = 1 + sum(sign * one.mean(test.name, metric) > sign * own for one in others)
    place = f"place {rank} of {len(others) + 1}"
    return f"**ours is not best**, {own:.3f}, {place}; best {best.system.title}, {theirs:.3f}: {gap}."


def _gap(ours: SystemRuns, other: SystemRuns, test: TestSet, metric: str) -> str:
    if metric == "opening_correlation":
        return _correlation(difference(ours, other, test.name, metric))
    return f"ours {_percent(metric, difference_percent(ours, other, test.name, metric))}"


def _touch(ours: SystemRuns, other: SystemRuns, test: TestSet, metric: str) -> str:
    one, two = (runs.interval(test.name, metric) for runs in (ours, other))
    apart = one.high < two.low or two.high < one.low
    return f"the two intervals {'do not touch' if apart else 'overlap'}"


def _both(ours: SystemRuns, other: SystemRuns, test: TestSet) -> bool:
    return bool(ours.scores(test.name) and other.scores(test.name))
