import asyncio

import numpy as np
import pytest
from factories.calls import ToldClock, babble, check_in_step, make_call, openings, painted_sitter, pcm_of, pieces
from factories.calls import until_carried as until
from factories.inputs import tone

from kfusion.errors import InputError
from kfusion.integrations.talking_call import CallMoment, CallOptions, Carried, TalkingCall
from kfusion.motion.life import LifeOptions

FPS, RATE_HZ = 30, 24_000


def in_call(generator, play, **options):
    """What `play` gives with a call, its moments and its clock."""

    async def run():
        clock = ToldClock()
        call = make_call(generator, clock, **options)
        try:
            await call.prepare()
            return await play(call, call.moments(), clock)
        finally:
            call.close()

    return asyncio.run(run())


async def say(call, samples, rate_hz=16_000):
    for piece in pieces(samples, rate_hz):
        await call.hear(piece, rate_hz)


async def some(moments, count):
    return [await anext(moments) for _ in range(count)]


def sound_of(moments):
    return b"".join(moment.sound for moment in moments)


@pytest.mark.slow
def test_a_minute_of_speech_does_not_drift_from_its_pictures(generator):
    async def speak(call, moments, clock):
        rest = await anext(moments)
        await say(call, babble(60, 44_100), 44_100)
        await call.end("all")
        began_s = clock.now()
        return rest, await until(moments, "all"), clock.now() - began_s

    rest, given, took_s = in_call(generator, speak)
    spoken = [moment for moment in given if moment.sound]
    assert given[-len(spoken) :] == spoken
    assert len(spoken) == 60 * FPS
    assert took_s == pytest.approx(60, abs=0.2)
    check_in_step([moment.picture for moment in spoken], rest.picture, sound_of(spoken), RATE_HZ)


@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (24_000, 1), (48_000, 2)])
def test_sound_of_any_kind_goes_out_as_the_same_sound(generator, rate_hz, channels):
    async def speak(call, moments, _):
        pcm = np.frombuffer(pcm_of(tone(0.5, rate_hz=rate_hz)), "<i2").repeat(channels).tobytes()
        await call.hear(pcm, rate_hz, channels)
        await call.end("all")
        return [moment for moment in await until(moments, "all") if moment.sound]

    given = in_call(generator, speak)
    heard = np.frombuffer(sound_of(given), "<i2") / 32767
    assert len(heard) == 0.5 * RATE_HZ
    np.testing.assert_allclose(heard[100:-100], tone(0.5, rate_hz=RATE_HZ)[100:-100], atol=0.01)


def test_sound_of_the_same_rate_goes_out_bit_for_bit_and_ends_in_silence(generator):
    pcm = pcm_of(tone(0.51, rate_hz=RATE_HZ))

    async def speak(call, moments, _):
        await call.hear(pcm, RATE_HZ)
        await call.end("all")
        return [moment for moment in await until(moments, "all") if moment.sound]

    given = in_call(generator, speak)
    assert len(given) == 16
    assert sound_of(given) == pcm.ljust(16 * 800 * 2, b"\0")


def test_an_interruption_leaves_nothing_of_what_was_said(generator):
    async def interrupt(call, moments, _):
        rest = await anext(moments)
        await say(call, babble(5))
        await call.end("never")
        before = await some(moments, 20)
        assert call.interrupt() == ["never"]
        after = await some(moments, 30)
        await say(call, tone(0.5))
        await call.end("again")
        return rest, before, after, await until(moments, "again")

    rest, before, after, again = in_call(generator, interrupt)
    assert all(moment.sound for moment in before[5:])
    assert not any(moment.sound for moment in after)
    settling, resting = after[:4], after[4:]
    assert openings([moment.picture for moment in resting], rest.picture).max() == 0
    seen = openings([before[-1].picture, *(moment.picture for moment in settling)], rest.picture)
    assert seen[1:].max() < 1.2 * seen[0]
    assert seen[-1] == 0
    assert len(sound_of(again)) == 0.5 * RATE_HZ * 2


def test_what_is_drawn_while_an_interruption_comes_does_not_go_out(generator):
    async def interrupt(call, moments, _):
        await say(call, babble(2))
        await some(moments, 10)
        drawing = asyncio.create_task(anext(moments))
        await asyncio.sleep(0)
        call.interrupt()
        moment = await drawing
        return moment.sound, moment.interruptions, call.interruptions

    assert in_call(generator, interrupt) == (b"", 1, 1)


def test_a_moment_of_speech_comes_at_most_so_much_before_its_time_and_the_first_not_before(generator):
    async def speak(call, moments, clock):
        await say(call, babble(3))
        await call.end("all")
        return [((await anext(moments)).begins, clock.now()) for _ in range(90)]

    times = in_call(generator, speak, ahead_s=0.1)
    assert [begins for begins, _ in times] == [True] + [False] * 89
    early = np.array([at - times[0][1] for _, at in times]) - np.arange(90) / FPS
    assert early.min() == pytest.approx(-0.1)
    assert early.max() == pytest.approx(0)


def test_what_is_carried_leaves_at_its_place_in_the_sound(generator):
    async def speak(call, moments, _):
        call.carry("before")
        await call.hear(pcm_of(tone(0.2)), 16_000)
        call.carry("between")
        await call.hear(pcm_of(tone(0.2)), 16_000)
        await call.end("after")
        order = []
        while "after" not in order:
            moment = await anext(moments)
            order.append(moment.thing if isinstance(moment, Carried) else "picture")
        return order, call.is_speaking

    picture = ["picture"]
    assert in_call(generator, speak) == (["before", *picture * 6, "between", *picture * 6, "after"], False)


def test_the_portrait_at_rest_blinks_and_breathes_only_if_it_may(generator):
    async def rest(call, moments, clock):
        given = await some(moments, 150)
        return [moment.picture for moment in given], clock.now()

    alive, _ = in_call(generator, rest, life=LifeOptions(sway=False, breath=False, gaze=False, brows=False))
    still, at_s = in_call(generator, rest)
    assert at_s == pytest.approx(100 + 149 / FPS)
    assert all(picture is still[0] for picture in still)
    changed = np.array([(picture != alive[0]).any() for picture in alive])
    assert 5 <= changed.sum() < 100


def test_utterances_that_follow_each_other_follow_without_a_hole(generator):
    async def speak(call, moments, _):
        for name in ("first", "second"):
            await say(call, babble(1))
            await call.end(name)
        return await until(moments, "first"), await until(moments, "second")

    first, second = in_call(generator, speak)
    assert (len(first), len(second)) == (30, 30)
    assert not any(moment.begins for moment in second)


def test_a_voice_that_falters_rests_and_begins_anew(generator):
    async def speak(call, moments, _):
        await say(call, babble(1))
        first = await some(moments, 60)
        await say(call, babble(1, seed=1))
        await call.end("all")
        return first, await until(moments, "all")

    first, second = in_call(generator, speak)
    spoken = sum(bool(moment.sound) for moment in first)
    assert 20 < spoken < 30
    assert not first[-1].sound
    assert [moment.begins for moment in second] == [True] + [False] * (59 - spoken)


def test_where_drawing_is_slow_pictures_are_repeated_and_the_sound_goes_on(generator, monkeypatch):
    async def speak(call, moments, clock):
        draw = call._face.draw

        def slow(*points, **options):
            clock.time_s += 0.07
            return draw(*points, **options)

        monkeypatch.setattr(call._face, "draw", slow)
        await say(call, babble(3))
        await call.end("all")
        given = await until(moments, "all")
        return [moment for moment in given if moment.sound], clock.now()

    given, _ = in_call(generator, speak)
    assert len(given) == 90
    assert sum(moment.begins for moment in given) == 1
    drawn = len({id(moment.picture) for moment in given})
    assert 30 <= drawn <= 50


def test_who_holds_a_moment_up_is_not_hurried(generator):
    async def speak(call, moments, clock):
        await say(call, babble(2))
        await call.end("all")
        given = await some(moments, 10)
        clock.time_s += 0.2
        return given + await some(moments, 50)

    given = in_call(generator, speak)
    assert len({id(moment.picture) for moment in given}) == len(given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate_hz": 100}, "sample rate is 100 Hz: use 8000 to 192000"),
        ({"fps": 1}, "fps is 1: use a number from 10 to 60"),
        ({"ahead_s": -1}, "ahead_s is -1: use a number from 0 to 1"),
        ({"largest_px": 10}, "largest_px is 10: use 64 or more"),
    ],
)
def test_options_that_cannot_be_are_one_line(generator, options, message):
    with pytest.raises(InputError) as caught:
        make_call(generator, **options)
    assert str(caught.value) == message


def test_a_portrait_without_a_face_is_one_line(generator):
    with pytest.raises(InputError, match="no face") as caught:
        TalkingCall(generator, np.full((200, 200, 3), 128, np.uint8))
    assert "\n" not in str(caught.value)


def test_a_wrong_sample_rate_is_one_line_and_the_call_goes_on(generator):
    async def speak(call, moments, _):
        with pytest.raises(InputError, match=r"^sample rate is 10 Hz: use 8000 to 192000$"):
            await call.hear(bytes(20), 10)
        await say(call, tone(0.5))
        await call.end("all")
        return [moment for moment in await until(moments, "all") if moment.sound]

    assert len(in_call(generator, speak)) == 15


def test_a_large_portrait_is_drawn_smaller_and_even(generator):
    sitter = painted_sitter(300)
    call = TalkingCall(generator, sitter, CallOptions(largest_px=201))
    assert call.size_px == (200, 200)
    call.close()


def test_at_any_frame_rate_the_sound_is_as_long_as_the_pictures(generator):
    async def speak(call, moments, _):
        await say(call, babble(3))
        await call.end("all")
        return [moment for moment in await until(moments, "all") if isinstance(moment, CallMoment) and moment.sound]

    given = in_call(generator, speak, fps=23.976, rate_hz=22_050)
    samples = np.cumsum([len(moment.sound) // 2 for moment in given])
    np.testing.assert_array_equal(samples, np.round(np.arange(1, len(given) + 1) * 22_050 / 23.976))
