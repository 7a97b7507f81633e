"""Whatever is in a file or a message, it gives a result or one clear error: few examples here, `make fuzz` has more."""

import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from factories.inputs import face_points, tone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from kfusion.audio import audio_blocks
from kfusion.errors import InputError
from kfusion.inference.identity import read_identity
from kfusion.landmarks import read_landmarks
from kfusion.serve.protocol import Start, read_flush, read_sound, read_start
from kfusion.serve.refusal import RefusedError

few = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,  # the same in every run: a new fault is found by `make fuzz`, not by somebody else's commit
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
U16, U32 = st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1)
DAMAGE = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def damaged(content: bytes, changes: list[tuple[float, int]], kept: float) -> bytes:
    """Bytes changed at shares of the length, and only a share of it kept."""
    result = bytearray(content)
    for place, value in changes:
        result[int(place * len(result))] = value
    return bytes(result[: max(1, int(kept * len(result)))])


def saved(writer: object, *arguments: object, **named: object) -> bytes:
    file = io.BytesIO()
    writer(file, *arguments, **named)  # type: ignore[operator]
    return file.getvalue()


def check_line(error: InputError, path: Path) -> None:
    assert str(path) in str(error)
    assert len(str(error).splitlines()) == 1


def check_refusal(error: RefusedError) -> None:
    assert error.code in {"bad_request", "wrong_version"}
    assert len(str(error).splitlines()) == 1


def points_or_error(path: Path) -> None:
    try:
        points = read_landmarks(path)
    except InputError as error:
        check_line(error, path)
    else:
        assert points.shape == (68, 2)
        assert np.isfinite(points).all()


FACE = face_points()
LANDMARK_FILES = {
    ".npy": saved(np.save, FACE),
    ".npz": saved(np.savez, landmarks=FACE),
    ".json": json.dumps(FACE.tolist()).encode(),
    ".csv": "\n".join(f"{x},{y}" for x, y in FACE).encode(),
}


@pytest.mark.parametrize("ending", LANDMARK_FILES)
@few
@given(changes=DAMAGE, kept=st.floats(0.1, 1))
def test_damaged_landmark_files(tmp_path, ending, changes, kept):
    path = tmp_path / f"face{ending}"
    path.write_bytes(damaged(LANDMARK_FILES[ending], changes, kept))
    points_or_error(path)


@pytest.mark.parametrize("ending", LANDMARK_FILES)
@few
@given(content=st.binary(min_size=1, max_size=400))
def test_landmark_files_of_any_bytes(tmp_path, ending, content):
    path = tmp_path / f"face{ending}"
    path.write_bytes(content)
    points_or_error(path)


@few
@given(value=JSON)
def test_landmark_files_of_any_json(tmp_path, value):
    path = tmp_path / "face.json"
    path.write_text(json.dumps(value))
    points_or_error(path)


@few
@given(
    header=st.text("{}[]()'\":, descrfotanshpTrueFalse<>|ifucObVSUM0123456789\n\\#", max_size=120),
    version=st.integers(1, 3),
)
def test_npy_headers_of_any_text(tmp_path, header, version):
    """NumPy parses them as Python."""
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    path = tmp_path / "face.npy"
    path.write_bytes(b"\x93NUMPY" + bytes([version, 0]) + size + header.encode() + FACE.tobytes())
    points_or_error(path)


@few
@given(name=st.sampled_from(["landmarks", "landmarks.npy", "other.npy"]), content=st.binary(max_size=300))
def test_npz_members_of_any_bytes(tmp_path, name, content):
    path = tmp_path / "face.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    points_or_error(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
@few
@given(changes=DAMAGE, kept=st.floats(0.1, 1))
def test_damaged_pictures(tmp_path, monkeypatch, kind, changes, kept):
    monkeypatch.setattr(
        "kfusion.face.find_identity", lambda scene, *_: face_points(size=float(min(scene.picture.size)))
    )
    picture = Image.fromarray(np.arange(40 * 30 * 3, dtype=np.uint8).reshape(30, 40, 3))
    path = tmp_path / "portrait.jpg"
    path.write_bytes(damaged(saved(picture.save, kind), changes, kept))
    try:
        identity = read_identity(path)
    except InputError as error:
        check_line(error, path)
    else:
        assert identity.portrait is not None
        assert identity.portrait.picture.ndim == 3


@few
@given(tag=U16, channels=U16, rate=U32, align=U16, bits=U16, announced=U32, count=st.integers(0, 4000))
def test_wav_headers_of_any_numbers(tmp_path, tag, channels, rate, align, bits, announced, count):
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * align % 2**32, align, bits)
    data = (tone(0.25) * 32767).astype("<i2").tobytes()[:count]
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", announced) + data
    listen(tmp_path, b"RIFF" + struct.pack("<I", len(body)) + body)


@few
@given(
    tag=st.sampled_from([1, 3, 6, 7]),
    channels=st.integers(1, 8),
    rate=st.sampled_from([8000, 16_000, 44_100, 48_000]),
    bits=st.sampled_from([8, 16, 24, 32, 64]),
    data=st.binary(max_size=2000),
)
def test_wav_files_of_any_samples(tmp_path, tag, channels, rate, bits, data):
    align = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * align, align, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    listen(tmp_path, b"RIFF" + struct.pack("<I", len(body)) + body)


def listen(folder: Path, content: bytes) -> None:
    path = folder / "speech.wav"
    path.write_bytes(content)
    try:
        for samples in audio_blocks(path):
            assert samples.dtype == np.float32
            assert np.isfinite(samples).all()
    except InputError as error:
        check_line(error, path)


START = st.fixed_dictionaries(
    {"type": st.just("start"), "version": st.just(1), "sample_rate": st.just(16_000)},
    optional={name: JSON for name in Start.model_fields if name not in {"type", "version", "sample_rate"}},
)


@few
@given(message=START | JSON)
def test_any_first_message_of_a_stream(message):
    first_message(json.dumps(message))


@few
@given(text=st.text(max_size=200))
def test_any_text_for_a_message(text):
    first_message(text)
    with pytest.raises(RefusedError):
        read_flush(text)


def first_message(text: str) -> None:
    try:
        start = read_start(text)
    except RefusedError as error:
        check_refusal(error)
    else:
        assert start.points is None or np.isfinite(start.points).all()
        assert start.fps > 0


@few
@given(message=st.binary(max_size=200), kind=st.sampled_from(["pcm16", "float32"]))
def test_any_sound_of_a_stream(message, kind):
    try:
        samples = read_sound(message, kind)
    except RefusedError as error:
        check_refusal(error)
    else:
        assert np.isfinite(samples).all()
