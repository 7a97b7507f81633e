"""What a talking portrait in a call costs, and whether it stays in step: `python benchmarks/talking_call.py`.

A minute of the packaged recording, said by the packaged portrait. The first lines tell the time themselves, so that
the minute passes as fast as it is drawn; CPU is that of the whole process. `--room` adds a minute in real time through
LiveKit's own runner, synchronizer and sources (the extra `livekit`), in a room that sends nothing.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np

import kfusion
from kfusion import assets
from kfusion.audio import SAMPLE_RATE_HZ, read_audio
from kfusion.inference.generator import Generator
from kfusion.integrations.talking_call import CallMoment, CallOptions, TalkingCall
from kfusion.motion.life import LifeOptions

SPEECH_S, REST_S = 60, 20
PIECE = SAMPLE_RATE_HZ // 50


class ToldTime:
    """Passes where somebody waits for it."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        return self._now

    async def sleep(self, delay_s: float) -> None:
        self._now += delay_s
        await asyncio.sleep(0)


def minute() -> bytes:
    samples = read_audio(assets.SAMPLE_SPEECH)
    samples = np.resize(samples, SPEECH_S * SAMPLE_RATE_HZ)
    return np.round(samples.clip(-1, 1) * 32767).astype("<i2").tobytes()


async def say(call: TalkingCall, pcm: bytes) -> None:
    for start in range(0, len(pcm), 2 * PIECE):
        await call.hear(pcm[start : start + 2 * PIECE], SAMPLE_RATE_HZ)
    await call.end("all")


async def drift_ms(moments: AsyncIterator, options: CallOptions) -> float:
    """Until all was said: how far the sound was from the pictures at the worst."""
    shown, heard, worst = 0, 0, 0.0
    async for moment in moments:
        if not isinstance(moment, CallMoment):
            return worst
        if moment.sound:
            shown, heard = shown + 1, heard + len(moment.sound) // 2
            worst = max(worst, abs(1000 * (shown / options.fps - heard / options.rate_hz)))
    raise AssertionError("the call has ended")


async def measure(generator: Generator, portrait: Path, options: CallOptions) -> None:
    call = TalkingCall(generator, portrait, options, clock=ToldTime())
    await call.prepare()
    moments, pcm = call.moments(), minute()
    await anext(moments)
    began_s = time.process_time()
    await say(call, pcm)
    network_s = time.process_time() - began_s
    worst_ms = await drift_ms(moments, options)
    speaking_s = time.process_time() - began_s
    began_s = time.process_time()
    for _ in range(round(REST_S * options.fps)):
        await anext(moments)
    resting_s = time.process_time() - began_s
    width, height = call.size_px
    call.close()
    print(
        f"{width} x {height}, {'alive' if options.life else 'still'}: speaking {speaking_s / SPEECH_S:.1%} of a core "
        f"(network {network_s / SPEECH_S:.1%}), at rest {resting_s / REST_S:.1%}; sound and pictures at most "
        f"{worst_ms:.2f} ms apart"
    )


async def in_room(generator: Generator, portrait: Path) -> None:
    from livekit import rtc
    from livekit.agents.voice.avatar import AvatarRunner, QueueAudioOutput

    from kfusion.integrations.livekit_video import TalkingVideo, avatar_runner

    class Room:
        def __init__(self) -> None:
            self.local_participant = self

        def isconnected(self) -> bool:
            return True

        def on(self, *_: object) -> None: ...

        off = on

        async def publish_track(self, *_: object) -> "Room":
            return self

        async def wait_for_subscription(self) -> None: ...

    shown_at: list[float] = []
    heard: list[tuple[float, float]] = []  # when, and how much of the sound had been played
    pushed_s = 0.0
    show, hear = rtc.VideoSource.capture_frame, rtc.AudioSource.capture_frame

    def noted_picture(source: rtc.VideoSource, frame: rtc.VideoFrame, **given: object) -> None:
        shown_at.append(time.monotonic())
        show(source, frame, **given)

    async def noted_sound(source: rtc.AudioSource, frame: rtc.AudioFrame) -> None:
        nonlocal pushed_s
        await hear(source, frame)
        pushed_s += frame.duration
        heard.append((time.monotonic(), pushed_s - source.queued_duration))

    rtc.VideoSource.capture_frame, rtc.AudioSource.capture_frame = noted_picture, noted_sound
    video, output, done = TalkingVideo(TalkingCall(generator, portrait)), QueueAudioOutput(), asyncio.Event()
    output.on("playback_finished", lambda _: done.set())
    await video.call.prepare()
    runner: AvatarRunner = avatar_runner(Room(), output, video)
    await runner.start()
    await asyncio.sleep(2)
    began_s, at_rest, pcm = time.process_time(), len(shown_at), minute()
    begun_at = time.monotonic()
    for start in range(0, len(pcm), 2 * PIECE):
        piece = pcm[start : start + 2 * PIECE]
        await output.capture_frame(rtc.AudioFrame(piece, SAMPLE_RATE_HZ, 1, len(piece) // 2))
    output.flush()
    await done.wait()
    cpu_s, took_s = time.process_time() - began_s, time.monotonic() - begun_at
    await runner.aclose()
    video.call.close()
    first_at = heard[0][0]
    pictures_at = np.array([at for at in shown_at[at_rest:] if at > first_at - 0.02][: round(SPEECH_S * 30)])
    played_s = np.interp(pictures_at, *np.array(heard).T)
    late_ms = 1000 * (played_s - np.arange(len(pictures_at)) / 30)
    print(
        f"LiveKit's runner in real time, {took_s:.0f} s: {cpu_s / took_s:.1%} of a core; pictures after their sound: "
        f"median {np.median(late_ms[:300]):.0f} ms in the first 10 s, {np.median(late_ms[-300:]):.0f} ms in the last"
    )


async def main(arguments: argparse.Namespace) -> None:
    generator = kfusion.load(threads=1)
    for largest_px, life in ((512, LifeOptions()), (512, None), (256, LifeOptions())):
        await measure(generator, arguments.face, CallOptions(largest_px=largest_px, life=life))
    if arguments.room:
        await in_room(generator, arguments.face)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--face", type=Path, default=assets.SAMPLE_PORTRAIT)
    parser.add_argument("--room", action="store_true", help="also a minute in real time through LiveKit's runner")
    asyncio.run(main(parser.parse_args()))
