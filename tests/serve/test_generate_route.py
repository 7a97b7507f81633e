"""`POST /v1/generate`, over a real socket."""

import io
import json
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir

import av
import httpx
import numpy as np
import pytest
from factories.inputs import face_points, tone, write_wav
from factories.serve import QUICK, TinyGenerator, running_server

from kfusion import assets
from kfusion.inference.generator import load


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("speech") / "speech.wav", tone(1.0))


def post(url: str, *, audio: Path | None = None, face: Path | None = None, **fields: object) -> httpx.Response:
    files = {name: (path.name, path.read_bytes()) for name, path in (("audio", audio), ("face", face)) if path}
    data = {name: str(value) for name, value in fields.items()}
    return httpx.post(f"{url}/v1/generate", files=files or {"other": b""}, data=data, timeout=30)


def refused(response: httpx.Response, status: int, code: str) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    (error,) = response.json().values()
    assert error["code"] == code
    assert "\n" not in error["message"]
    return str(error["message"])


def spooled() -> set[Path]:
    return set(Path(gettempdir()).glob("kfusion-*"))


def test_json_holds_what_generate_gives_and_save_writes(url: str, model: Path, speech: Path, tmp_path: Path) -> None:
    response = post(url, audio=speech, fps=25)
    assert response.status_code == 200
    expected = json.loads(load(model).generate(speech, fps=25).save(tmp_path / "landmarks.json").read_text())
    assert response.json() == expected | {"source": "speech.wav"}


def test_npz_holds_the_same_bit_for_bit(url: str, model: Path, speech: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "face.npy", face_points((300, 200)))
    before = spooled()
    response = post(url, audio=speech, face=tmp_path / "face.npy", format="npz")
    with np.load(io.BytesIO(response.content)) as archive:
        points = archive["landmarks"]
    np.testing.assert_array_equal(points, load(model).generate(speech, face_points((300, 200))).points)
    assert spooled() == before


def test_lips_earlier_and_larger_are_those_of_the_library(url: str, model: Path, speech: Path) -> None:
    response = post(url, audio=speech, lead_ms=60, expressiveness=1.5, format="npz")
    expected = load(model).generate(speech, lead_ms=60, expressiveness=1.5)
    with np.load(io.BytesIO(response.content)) as archive:
        np.testing.assert_array_equal(archive["landmarks"], expected.points)


def test_a_portrait_gives_image_pixels(url: str, speech: Path) -> None:
    answer = post(url, audio=speech, face=assets.SAMPLE_PORTRAIT).json()
    assert answer["coordinates"] == answer["frame"] == "image"
    assert np.array(answer["landmarks"]).shape == (30, 68, 2)


def test_two_portraits_at_once_leave_stderr_alone(url: str, speech: Path, capfd: pytest.CaptureFixture[str]) -> None:
    threads = [
        threading.Thread(target=post, args=(url,), kwargs={"audio": speech, "face": assets.SAMPLE_PORTRAIT})
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"still there")
    assert capfd.readouterr().err.endswith("still there")


@pytest.mark.parametrize(("name", "shown"), [("../../a b.wav", "a b.wav"), ("c:\\d.w/v", "v")])
def test_the_name_of_a_file_is_only_shown(url: str, speech: Path, name: str, shown: str) -> None:
    response = httpx.post(f"{url}/v1/generate", files={"audio": (name, speech.read_bytes())})
    assert response.json()["source"] == shown


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"fps": "fast"}, "fps: "),
        ({"fps": -1}, "fps: "),
        ({"fps": "nan"}, "fps"),
        ({"fps": 100}, "up to 60"),
        ({"emotion": "bored"}, "unknown emotion 'bored'"),
        ({"intensity": 2}, "intensity 2 without an emotion"),
        ({"lead_ms": 501}, "lead_ms is 501: use -500 to 500"),
        ({"lead_ms": "nan"}, "lead_ms is nan"),
        ({"lead_ms": "soon"}, "lead_ms: "),
        ({"expressiveness": 2.5}, "expressiveness is 2.5: use 0"),
        ({"format": "csv"}, "format: "),
        ({"speed": 2}, "speed: "),
    ],
)
def test_a_field_that_cannot_be_used_is_named(url: str, speech: Path, fields: dict[str, object], said: str) -> None:
    assert said in refused(post(url, audio=speech, **fields), 422, "unusable_input")


def test_a_recording_that_cannot_be_used_is_refused_without_the_path_on_the_server(url: str, tmp_path: Path) -> None:
    before = spooled()
    silent = write_wav(tmp_path / "silent.wav", np.zeros(16_000, np.float32))
    message = refused(post(url, audio=silent), 422, "unusable_input")
    assert message.startswith("speech.wav: is silent")
    assert post(url, audio=silent, allow_silence=True).status_code == 200
    (tmp_path / "words.mp3").write_text("no sound, only words " * 99)
    assert "words" not in refused(post(url, audio=tmp_path / "words.mp3"), 422, "unusable_input")
    assert spooled() == before


def test_a_playlist_does_not_open_other_files_of_the_server(url: str, tmp_path: Path) -> None:
    speech = write_wav(tmp_path / "speech.wav", tone(1.0))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{speech}\n#EXT-X-ENDLIST\n".encode()
    tag = b"ID3\4\0\0\0\0\0\12" + bytes(10)
    for name, content, reason in (
        ("a.m3u8", playlist, "names other files"),
        ("a.mp3", tag + playlist, "cannot decode the sound"),
        ("a.wav", b"ffconcat version 1.0\nfile speech.wav\n", "names other files"),
    ):
        response = httpx.post(f"{url}/v1/generate", files={"audio": (name, content)})
        assert reason in refused(response, 422, "unusable_input")


CODECS = {"flac": "flac", "mp3": "mp3", "ogg": "libopus", "webm": "libopus", "wav": "pcm_s16le", "aiff": "pcm_s16be"}
"""Container -> its codec; AAC for the others."""


@pytest.mark.parametrize("container", [*CODECS, "mp4", "mov", "mkv", "aac"])
def test_every_usual_container_is_taken(url: str, tmp_path: Path, container: str) -> None:
    path = tmp_path / f"speech.{container}"
    with av.open(str(path), "w") as out:
        stream = out.add_stream(CODECS.get(container, "aac"), rate=48_000)
        frame = av.AudioFrame.from_ndarray(tone(1.0, rate_hz=48_000)[None], format="fltp", layout="mono")
        frame.sample_rate = 48_000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    response = post(url, audio=path)
    assert response.status_code == 200, response.text


def test_a_face_that_cannot_be_used_is_refused(url: str, speech: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "face.npy", face_points()[:5])
    assert "face.npy: landmarks have shape (5, 2)" in refused(
        post(url, audio=speech, face=tmp_path / "face.npy"), 422, "unusable_input"
    )


def test_a_landmark_file_of_more_than_a_face_is_refused(url: str, speech: Path, tmp_path: Path) -> None:
    (tmp_path / "face.npz").write_bytes(bytes(300_000))
    message = refused(post(url, audio=speech, face=tmp_path / "face.npz"), 422, "unusable_input")
    assert "bytes: send the landmarks of one face" in message


def test_a_form_without_a_recording_says_what_to_send(url: str) -> None:
    assert "audio: no such file" in refused(post(url), 422, "unusable_input")
    said = refused(httpx.post(f"{url}/v1/generate", json={}), 400, "bad_request")
    assert said == "Content-Type is 'application/json': send multipart/form-data with a file called audio"
    broken = httpx.post(f"{url}/v1/generate", content=b"xx", headers={"Content-Type": "multipart/form-data"})
    refused(broken, 400, "bad_request")


def test_every_error_has_the_same_shape(url: str) -> None:
    refused(httpx.get(f"{url}/nothing"), 404, "not_found")
    refused(httpx.get(f"{url}/static/nothing.js"), 404, "not_found")
    refused(httpx.get(f"{url}/v1/generate"), 405, "method_not_allowed")


def test_a_failure_of_the_server_is_an_answer_too(model: Path, speech: Path) -> None:
    generator = TinyGenerator(model)
    generator.generate = lambda *_, **__: 1 / 0  # type: ignore[method-assign,assignment]
    with running_server(generator) as url:
        refused(post(url, audio=speech), 500, "internal")
        assert httpx.get(f"{url}/healthz").status_code == 200


def test_a_recording_that_lasts_too_long_is_refused(generator: TinyGenerator, tmp_path: Path) -> None:
    long = write_wav(tmp_path / "long.wav", tone(12.0))
    with running_server(generator, replace(QUICK, max_duration_s=5)) as url:
        assert "longer than 5 s" in refused(post(url, audio=long), 413, "too_large")


def test_a_body_that_is_too_long_is_refused_announced_or_not(generator: TinyGenerator) -> None:
    sent = 0

    def endless():
        nonlocal sent
        head = b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n'
        yield head
        for _ in range(1000):
            sent += 100_000
            yield bytes(100_000)

    before = spooled()
    with running_server(generator, replace(QUICK, max_body_mb=0.5)) as url:
        announced = httpx.post(f"{url}/v1/generate", files={"audio": ("a.wav", bytes(600_000))})
        refused(announced, 413, "too_large")
        try:
            chunked = httpx.post(
                f"{url}/v1/generate", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=b"}
            )
            refused(chunked, 413, "too_large")
        except httpx.WriteError:  # the server may hang up while the client still sends
            pass
        counted = httpx.get(f"{url}/metrics").text
        assert 'kfusion_refused_total{code="too_large"} 2.0' in counted
        assert post(url, audio=assets.SAMPLE_SPEECH).status_code == 200
    assert spooled() == before


def test_a_full_server_says_when_to_come_again(model: Path, speech: Path) -> None:
    hold = threading.Event()
    generator = TinyGenerator(model, hold=hold)
    with running_server(generator, replace(QUICK, max_requests=2)) as url:
        answers: list[int] = []
        threads = [
            threading.Thread(target=lambda: answers.append(post(url, audio=speech).status_code)) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        while "kfusion_recordings_active 2.0" not in httpx.get(f"{url}/metrics").text:
            time.sleep(0.01)
        response = post(url, audio=speech)
        assert "2 recordings at work" in refused(response, 503, "busy")
        assert response.headers["retry-after"] == "2"
        assert httpx.get(f"{url}/healthz").status_code == 200
        hold.set()
        for thread in threads:
            thread.join()
        assert answers == [200, 200]
        assert post(url, audio=speech).status_code == 200


def test_a_slow_upload_ends_in_time(generator: TinyGenerator) -> None:
    def slow():
        yield b"--b\r\n"
        time.sleep(1.0)
        yield b"Content-Disposition"
        time.sleep(1.0)

    with running_server(generator, replace(QUICK, request_timeout_s=0.5, max_requests=1)) as url:
        began = time.monotonic()
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        response = httpx.post(f"{url}/v1/generate", content=slow(), headers=headers)
        refused(response, 408, "timeout")
        assert time.monotonic() - began < 15


def test_a_client_that_hangs_up_stops_the_work(model: Path, speech: Path) -> None:
    hold = threading.Event()
    generator = TinyGenerator(model, hold=hold)
    left = 'kfusion_requests_total{path="/v1/generate",status="499"} 1.0'
    with running_server(generator, replace(QUICK, max_requests=1)) as url:
        files = {"audio": ("a.wav", speech.read_bytes())}
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{url}/v1/generate", files=files, timeout=httpx.Timeout(20, read=0.5))
        while left not in httpx.get(f"{url}/metrics").text:
            time.sleep(0.05)
        hold.set()
        assert post(url, audio=speech).status_code == 200
