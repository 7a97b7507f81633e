import asyncio
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from factories.inputs import face_points, tone

from kfusion.errors import InputError
from kfusion.integrations.follower import VoiceFollower
from kfusion.landmarks import LandmarkSequence, mouth_opening

PCM = np.round(tone(1.0) * 32767).astype("<i2")


def follow(generator, work):
    """Run `work` with a follower, which is closed at the end."""

    async def run():
        follower = VoiceFollower(generator)
        try:
            return await work(follower)
        finally:
            follower.close()

    return asyncio.run(run())


def stacked(faces):
    return np.stack([face.points for face in faces])


def test_the_frames_are_those_of_the_stream_however_the_sound_is_cut(generator, whole):
    async def hear(follower):
        faces = []
        for start in range(0, len(PCM), 777):
            faces += await follower.hear(PCM[start : start + 777].tobytes(), 16_000)
        return faces + await follower.end()

    faces = follow(generator, hear)
    np.testing.assert_array_equal(stacked(faces), whole(PCM))
    assert [face.index for face in faces] == list(range(30))
    np.testing.assert_allclose([face.time_s for face in faces], np.arange(30) / 30)


@pytest.mark.parametrize(("rate_hz", "channels"), [(24_000, 1), (48_000, 2)])
def test_sound_of_another_kind_gives_the_same_face_within_a_tenth_of_a_pixel(generator, whole, rate_hz, channels):
    pcm = np.round(tone(1.0, rate_hz=rate_hz) * 32767).astype("<i2").repeat(channels)

    async def hear(follower):
        return [*await follower.hear(pcm.tobytes(), rate_hz, channels), *await follower.end()]

    np.testing.assert_allclose(stacked(follow(generator, hear)), whole(PCM), atol=0.1)


def test_every_utterance_counts_from_0_and_hears_nothing_of_the_one_before(generator):
    async def speak_twice(follower):
        first = [*await follower.hear(PCM.tobytes(), 16_000), *await follower.end()]
        return first, [*await follower.hear(PCM.tobytes(), 16_000), *await follower.end()]

    first, second = follow(generator, speak_twice)
    np.testing.assert_array_equal(stacked(first), stacked(second))
    assert {face.utterance for face in first} == {0}
    assert {face.utterance for face in second} == {1}
    assert second[0].index == 0


def test_a_restart_forgets_what_was_heard(generator, whole):
    async def interrupt(follower):
        await follower.hear(PCM.tobytes(), 16_000)
        follower.restart()
        return [*await follower.hear(PCM.tobytes(), 16_000), *await follower.end()]

    np.testing.assert_array_equal(stacked(follow(generator, interrupt)), whole(PCM))


def test_a_lead_and_more_expression_are_those_of_the_stream(generator):
    async def speak():
        follower = VoiceFollower(generator, lead_ms=100, expressiveness=1.5)
        try:
            return [*await follower.hear(PCM.tobytes(), 16_000), *await follower.end()]
        finally:
            follower.close()

    stream = generator.stream(lead_ms=100, expressiveness=1.5)
    expected = np.concatenate([stream.push(PCM).points, stream.flush().points])
    np.testing.assert_array_equal(stacked(asyncio.run(speak())), expected)


def test_an_end_without_sound_brings_nothing(generator):
    assert follow(generator, lambda follower: follower.end()) == []


def test_bad_sound_is_an_error_and_the_stream_goes_on(generator, whole):
    async def hear(follower):
        with pytest.raises(InputError, match="sample rate is 1 Hz"):
            await follower.hear(bytes(2), 1)
        return [*await follower.hear(PCM.tobytes(), 16_000), *await follower.end()]

    np.testing.assert_array_equal(stacked(follow(generator, hear)), whole(PCM))


def test_a_message_has_the_points_to_a_hundredth_of_a_pixel(generator):
    async def hear(follower):
        return await follower.hear(PCM.tobytes(), 16_000)

    face = follow(generator, hear)[7]
    message = face.message()
    assert (message["frame"], message["time_s"]) == (7, 0.233333)
    assert message["points"] == [[round(float(x), 2), round(float(y), 2)] for x, y in face.points]
    assert mouth_opening(face.points) > 1


class SlowStream:
    """A stream that waits, so that a test can do something while it works."""

    def __init__(self):
        self.entered, self.go_on, self.pushed = threading.Event(), threading.Event(), []

    def push(self, samples):
        self.entered.set()
        assert self.go_on.wait(5)
        self.pushed.append(len(samples))
        return LandmarkSequence(points=face_points()[None], fps=30, first_frame=len(self.pushed) - 1)


def test_the_event_loop_runs_on_while_the_network_works_and_the_order_is_kept():
    slow = SlowStream()

    async def hear_twice(follower):
        tasks = [asyncio.create_task(follower.hear(bytes(2 * count), 16_000)) for count in (100, 200)]
        while not slow.entered.is_set():
            await asyncio.sleep(0)
        assert not any(task.done() for task in tasks)
        slow.go_on.set()
        return [face.index for task in tasks for face in await task]

    assert follow(SimpleNamespace(stream=lambda *_, **__: slow), hear_twice) == [0, 1]
    assert slow.pushed == [100, 200]


def test_frames_that_a_restart_overtakes_are_dropped():
    slow = SlowStream()

    async def interrupt(follower):
        task = asyncio.create_task(follower.hear(bytes(200), 16_000))
        while not slow.entered.is_set():
            await asyncio.sleep(0)
        follower.restart()
        slow.go_on.set()
        return await task

    assert follow(SimpleNamespace(stream=lambda *_, **__: slow), interrupt) == []
