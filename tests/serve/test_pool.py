"""Places: who is silent gives way."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from kfusion.serve.pool import Slot, Slots
from kfusion.serve.refusal import RefusedError


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 10))


async def hold(slots: Slots, taken: list[Slot]) -> None:
    with slots.take() as place:
        async with place.kept():
            place.spoke()
            taken.append(place)
            await asyncio.sleep(60)


def test_the_client_that_was_silent_for_longest_gives_way() -> None:
    async def work() -> None:
        slots, taken = Slots("places", 2, patience_s=0), list[Slot]()
        holders = []
        for _ in range(2):
            holders.append(asyncio.create_task(hold(slots, taken)))
            await asyncio.sleep(0.01)
        taken[0].spoke()
        with slots.take():
            assert slots.taken == 2
            with pytest.raises(RefusedError, match="nothing came while others waited, the server has 2 places"):
                await holders[1]
            assert not holders[0].done()
        holders[0].cancel()

    run(work())


def test_clients_at_work_or_silent_for_a_moment_only_keep_their_places() -> None:
    async def work() -> None:
        slots, taken = Slots("places", 2, patience_s=60), list[Slot]()
        holders = [asyncio.create_task(hold(slots, taken)) for _ in range(2)]
        await asyncio.sleep(0.01)
        taken[0].at_work()
        with pytest.raises(RefusedError, match="has 2 places already: try again later"), slots.take():
            pass
        for holder in holders:
            holder.cancel()
        await asyncio.gather(*holders, return_exceptions=True)
        assert slots.taken == 0

    run(work())


def test_a_time_limit_is_not_taken_for_a_place_taken_away() -> None:
    async def work() -> None:
        with Slots("places", 1).take() as place, pytest.raises(TimeoutError):
            async with place.kept(0.01):
                await asyncio.sleep(60)

    run(work())


def test_all_places_can_be_taken_away_at_once() -> None:
    async def work() -> None:
        slots, taken = Slots("places", 2), list[Slot]()
        holders = [asyncio.create_task(hold(slots, taken)) for _ in range(2)]
        await asyncio.sleep(0.01)
        slots.clear("the end")
        for holder in holders:
            with pytest.raises(RefusedError, match="the end"):
                await holder

    run(work())
