"""Which leads there can be, and how much motion."""

import pytest

from kfusion.errors import InputError
from kfusion.inference.delivery import check_expressiveness, check_lead, check_stream_lead, stream_leads_ms
from kfusion.inference.stream_bundle import StreamCard


def card(look_ahead_samples: int = 2440) -> StreamCard:
    return StreamCard(model_id="m", fps=30, samples_before=520, look_ahead_samples=look_ahead_samples, emotions=())


@pytest.mark.parametrize("lead_ms", [-500, -40.5, 0, 45, 500])
def test_lips_may_be_half_a_second_early_or_late(lead_ms: float) -> None:
    check_lead(lead_ms)


@pytest.mark.parametrize("lead_ms", [-501, 500.1, 1e9, float("nan"), float("inf")])
def test_no_more_than_that(lead_ms: float) -> None:
    with pytest.raises(InputError, match=r"^lead_ms is .*: use -500 to 500 \(above 0: lips before the sound\)$"):
        check_lead(lead_ms)


def test_a_stream_has_what_its_look_ahead_leaves_of_400_ms() -> None:
    """152.5 ms and a frame of 33.3 ms are spent."""
    assert stream_leads_ms(card()) == (-500, 214)
    assert stream_leads_ms(card(16_000)) == (-500, 0)
    for lead_ms in (-500, 0, 214):
        check_stream_lead(lead_ms, card())
    for lead_ms in (-501, 215, float("nan")):
        with pytest.raises(InputError, match="look-ahead of streams of model m allows -500 to 214"):
            check_stream_lead(lead_ms, card())


@pytest.mark.parametrize("amount", [0, 0.5, 1, 2])
def test_motion_may_be_twice_as_large(amount: float) -> None:
    check_expressiveness(amount)


@pytest.mark.parametrize("amount", [-0.1, 2.01, float("nan"), float("inf")])
def test_no_larger_and_not_turned_round(amount: float) -> None:
    with pytest.raises(InputError, match=r"^expressiveness is .*: use 0 \(a face at rest\) to 2; 1 is the motion"):
        check_expressiveness(amount)
