"""What may be asked of the motion: a lead over the sound, and how much there is of it.

Lead: landmark frame t, which goes with the sound at t / fps, shows the face at t / fps + lead. Above 0 the lips are
earlier than the sound. Of a recording all sound is there; a stream must have heard what its lips are to say, so that
every millisecond of lead is one more of look-ahead.
"""

import math
from typing import TYPE_CHECKING, TypedDict

from kfusion.errors import InputError

if TYPE_CHECKING:
    from kfusion.inference.stream_bundle import StreamCard

MAX_LEAD_MS = 500
"""The lips may be this much earlier or later than the sound."""
MAX_LOOK_AHEAD_S = 0.4
"""A stream hears no further ahead than this: ITU-T G.114 has 400 ms as the most that a conversation may be delayed."""
MAX_EXPRESSIVENESS = 2


class Delivery(TypedDict):
    """Both, as arguments of `Generator`."""

    lead_ms: float
    expressiveness: float


def check_lead(lead_ms: float) -> None:
    """Raises `InputError` unless the lips of a recording may be so early."""
    if not -MAX_LEAD_MS <= lead_ms <= MAX_LEAD_MS:
        raise InputError(
            f"lead_ms is {lead_ms:g}: use {-MAX_LEAD_MS} to {MAX_LEAD_MS} (above 0: lips before the sound)"
        )


def stream_leads_ms(card: "StreamCard") -> tuple[int, int]:
    """The lowest and the highest lead of a model's streams, at any frame rate."""
    return -MAX_LEAD_MS, max(0, math.floor(1000 * (MAX_LOOK_AHEAD_S - card.latest_s)))


def check_stream_lead(lead_ms: float, card: "StreamCard") -> None:
    """Raises `InputError` unless the lips of a model's streams may be so early."""
    lowest, highest = stream_leads_ms(card)
    if not lowest <= lead_ms <= highest:
        raise InputError(
            f"lead_ms is {lead_ms:g}: the look-ahead of streams of model {card.model_id} allows {lowest} to {highest} "
            "(above 0: lips before the sound)"
        )


def check_expressiveness(amount: float) -> None:
    """Raises `InputError` unless motion may be scaled by so much."""
    if not 0 <= amount <= MAX_EXPRESSIVENESS:
        raise InputError(
            f"expressiveness is {amount:g}: use 0 (a face at rest) to {MAX_EXPRESSIVENESS}; 1 is the motion as learned"
        )
