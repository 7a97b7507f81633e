"""The table of a benchmark that shows which learning rates every row was tried at."""

from kfusion.benchmark.board import Board
from kfusion.benchmark.rate_search import PART_OF_BUDGET, best_trial
from kfusion.benchmark.run_record import RateTrial
from kfusion.evaluation.tables import markdown, marked, with_digits

ABOUT = (
    "M-LD on the validation sentences (% of the inter-ocular distance; in brackets the correlation) after "
    f"1/{PART_OF_BUDGET} of the budget at multiples of the row's own rate; it was then trained with the best, in bold:"
)


def rate_table(board: Board) -> list[str]:
    """A line a row; nothing where no rate was searched."""
    found = {
        one.system.title: rates
        for one in board.systems
        if one.ranked and (training := one.runs[0].training) and (rates := training.rates)
    }
    factors = sorted({trial.factor for trials in found.values() for trial in trials})
    if not found:
        return []
    body = [[title, f"{_own_rate(trials):g}", *_cells(trials, factors)] for title, trials in found.items()]
    return [ABOUT, "", *markdown(["", "own rate", *(f"x {factor:g}" for factor in factors)], body)]


def _own_rate(trials: list[RateTrial]) -> float:
    return float(f"{trials[0].learning_rate / trials[0].factor:.3g}")


def _cells(trials: list[RateTrial], factors: list[float]) -> list[str]:
    by_factor, best = {trial.factor: trial for trial in trials}, best_trial(trials)
    return [_cell(by_factor[factor], best) if factor in by_factor else "" for factor in factors]


def _cell(trial: RateTrial, best: RateTrial) -> str:
    return marked(f"{with_digits(trial.mld)} ({with_digits(trial.correlation)})", int(trial is best))
