"""Videos and recordings that tests make, and face finders that see what is drawn in them."""

import os
import signal
import time
import wave
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from kfusion.data.clip import Clip
from kfusion.data.parts import part_path
from kfusion.data.store import clip_table, write_shard
from kfusion.errors import MissingWeightsError
from kfusion.landmarks import MOUTH, Points, fit_similarity

Picture = NDArray[np.uint8]

CLOCK_HZ = 90_000
WIDTH_PX, HEIGHT_PX = 320, 240
RIGHT_EYE, LEFT_EYE = (120.0, 80.0), (200.0, 80.0)


def blob_picture(red: tuple[float, float] | None, size: tuple[int, int] = (WIDTH_PX, HEIGHT_PX)) -> Picture:
    """A dark picture with a blue and a green blob where the eyes are, and a red one for the mouth."""
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    picture = np.zeros((size[1], size[0], 3))
    for channel, center in ((2, RIGHT_EYE), (1, LEFT_EYE), (0, red)):
        if center is not None:
            picture[..., channel] = 255 * np.exp(-((x - center[0]) ** 2 + (y - center[1]) ** 2) / 60)
    return picture.astype(np.uint8)


def plain_face() -> Points:
    """68 points in no good order, but with the eyes, the nose bridge and the mouth (its middle at y = 158) in place."""
    random = np.random.default_rng(0)
    face = random.uniform(90, 160, (68, 2))
    face[36], face[45] = (103, 110), (153, 110)
    face[27:31] = [[128, y] for y in (110, 118, 126, 134)]
    face[MOUTH] = random.uniform(-1, 1, (20, 2)) * [18, 7] + [128, 158]
    face[62], face[66] = (128, 153), (128, 163)
    return face.astype(np.float32)


class BlobFinder:
    """Sees a face whose eye corners are the blue and the green blob and whose mouth is at the red one."""

    def find(self, image: Picture) -> list[Points]:
        eyes = [_center(image[..., 2]), _center(image[..., 1])]
        mouth = _center(image[..., 0])
        if mouth is None or None in eyes:
            return []
        template = plain_face()
        face = fit_similarity(template[[36, 45]], np.array(eyes, np.float32))(template)
        face[MOUTH] += np.array(mouth, np.float32) - face[MOUTH].mean(0)
        return [face]


class SlowFinder(BlobFinder):
    """Takes its time."""

    def find(self, image: Picture) -> list[Points]:
        time.sleep(0.02)
        return super().find(image)


class TouchyFinder(BlobFinder):
    """Dies of pictures without a red blob, and has a fault of its own with very small ones."""

    def find(self, image: Picture) -> list[Points]:
        if image.shape[0] < 100:
            raise ZeroDivisionError("a fault")
        if image[..., 0].max() < 100:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().find(image)


class FlashFinder:
    """Sees one face always, its mouth the wider open the brighter the picture is."""

    def find(self, image: Picture) -> list[Points]:
        face = plain_face()
        face[MOUTH, 1] = 158 + (face[MOUTH, 1] - 158) * (0.1 + float(image.mean()) / 255)
        return [face]


class LostFinder:
    """Sees no face."""

    def find(self, image: Picture) -> list[Points]:
        return []


class DeadlyFinder:
    """Kills the process that it runs in."""

    def find(self, image: Picture) -> list[Points]:
        os.kill(os.getpid(), signal.SIGKILL)
        return []


def finder_without_weights() -> LostFinder:
    """Fails as a face finder whose network is missing."""
    raise MissingWeightsError("x.task: the face landmarker is missing: install kfusion again")


def _center(channel: Picture) -> tuple[float, float] | None:
    weights = np.where(channel > 90, channel, 0).astype(float)
    if weights.sum() < 3000:
        return None
    rows, columns = np.indices(channel.shape) + 0.5
    return float((weights * columns).sum() / weights.sum()), float((weights * rows).sum() / weights.sum())


def write_video(
    path: Path,
    times_s: Sequence[float],
    draw: Callable[[float], Picture],
    *,
    sound: NDArray[np.floating[Any]] | None = None,
    sound_start_s: float = 0.0,
    rate_hz: int = 48_000,
    video_codec: str = "libx264",
    audio_codec: str = "pcm_s16le",
    options: dict[str, str] | None = None,
    holes_s: dict[int, float] | None = None,
) -> Path:
    """A video whose picture at each time stamp is `draw(time)`, with sound that begins at `sound_start_s`.

    `holes_s` gives samples of the sound before which the time stamps jump, and by how much.
    """
    with av.open(str(path), "w") as container:
        video = container.add_stream(video_codec, rate=30)
        first = draw(times_s[0])
        video.height, video.width = first.shape[:2]
        video.pix_fmt = "yuv444p" if video_codec == "libx264" else "yuv420p"
        video.options = {"crf": "4"} if options is None else options
        video.codec_context.time_base = Fraction(1, CLOCK_HZ)
        audio = None
        if sound is not None:
            audio = container.add_stream(audio_codec, rate=rate_hz, layout="mono")
        for time_s in times_s:
            frame = av.VideoFrame.from_ndarray(draw(time_s), format="rgb24")
            frame.pts, frame.time_base = round(time_s * CLOCK_HZ), Fraction(1, CLOCK_HZ)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None and sound is not None:
            _mux_sound(container, audio, sound, sound_start_s, rate_hz, holes_s or {})
    return path


def _mux_sound(
    container: Any,
    stream: Any,
    sound: NDArray[np.floating[Any]],
    start_s: float,
    rate_hz: int,
    holes_s: dict[int, float],
) -> None:
    for first in range(0, len(sound), 1024):
        start_s += holes_s.get(first, 0.0)
        start = round(start_s * rate_hz)
        block = (sound[None, first : first + 1024] * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, start + first, Fraction(1, rate_hz)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def write_recording(
    path: Path, sound: NDArray[np.floating[Any]], rate_hz: int, *, codec: str, layout: str = "mono"
) -> Path:
    """A recording of `sound` (N,), the same in every channel, in the container of the name's ending."""
    channels = av.AudioLayout(layout).nb_channels
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        if codec.startswith("wma"):
            stream.bit_rate = 64_000
        for first in range(0, len(sound), 1000):
            block = np.repeat(sound[first : first + 1000].astype(np.float32), channels)[None]
            frame = av.AudioFrame.from_ndarray(block, format="flt", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate_hz, first, Fraction(1, rate_hz)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_pcm(path: Path, sound: NDArray[np.floating[Any]], rate_hz: int, channels: int = 1) -> Path:
    """A plain 16-bit WAV of `sound` (N,), the same in every channel, without names for the channels."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((np.repeat(sound, channels) * 32767).astype("<i2").tobytes())
    return path


def sine(duration_s: float, rate_hz: int = 16_000, frequency_hz: float = 440.0, peak: float = 0.5) -> NDArray[Any]:
    """A tone."""
    return peak * np.sin(2 * np.pi * frequency_hz * np.arange(round(duration_s * rate_hz)) / rate_hz)


def shorten(path: Path, share: float) -> Path:
    """The file cut off after `share` of its bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def make_clip(name: str, *, split: str = "train", path: Path | None = None, **fields: Any) -> Clip:
    """A clip of a made-up corpus, its speaker the first part of its name."""
    speaker = fields.pop("speaker", name.split("/")[0])
    video = path or Path(f"{name.replace('/', '_')}.mp4")
    return Clip(**{"clip_id": name, "path": video, "corpus": "folder", "speaker": speaker, "split": split} | fields)


def stored_arrays(name: str, frames: int = 6) -> tuple[Points, NDArray[np.float32]]:
    """Landmarks and sound that differ from name to name."""
    random = np.random.default_rng(list(name.encode()))
    samples = random.uniform(-0.5, 0.5, frames * 16_000 // 30).astype(np.float32)
    return random.uniform(0, 256, (frames, 68, 2)).astype(np.float32), samples


def write_part(clip: Clip, out: Path, frames: int = 6) -> Path:
    """`clip` as a part that is ready in `out`, made by `stored_arrays`."""
    points, samples = stored_arrays(clip.clip_id, frames)
    row = {name: getattr(clip, name) for name in ("clip_id", "corpus", "speaker", "split", "emotion", "intensity")}
    row |= {"fps": 30, "frames": frames, "missing": 0, "crop": [0, 0, 256], "source": clip.path.name}
    path = part_path(out, clip.clip_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_shard(path, [clip_table(row, points, samples)])
    return path
