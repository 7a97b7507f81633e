import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

import numpy as np
import pytest
from factories.inputs import face_points, tone, write_bundle, write_stream_bundle

import kfusion
from kfusion import assets
from kfusion.cli.main import main
from kfusion.cli.stream import READ_BYTES
from kfusion.integrations.microphone import Microphone

SPEECH = np.round(tone(1.05) * 32767).astype("<i2")
PATIENCE_S = 20
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full and /proc")


class Desk:
    """A model for streams in the place of the packaged one, and `kfusion stream` with it."""

    def __init__(self, root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self._capfd, self._monkeypatch = root, capfd, monkeypatch
        self.model = write_stream_bundle(root / "stream.onnx")
        self.generator = kfusion.load(self.model)
        monkeypatch.setattr(assets, "STREAM_MODEL", self.model)

    def run(self, *words: object, stdin: bytes = SPEECH.tobytes()) -> tuple[int, list[dict], list[str]]:
        """Exit code, the messages on stdout, the lines on stderr."""
        self._capfd.readouterr()
        with self._fed(stdin) as source:
            self._monkeypatch.setattr(sys, "stdin", source)
            code = main([str(word) for word in ["stream", *words]])
        captured = self._capfd.readouterr()
        return code, [json.loads(line) for line in captured.out.splitlines()], captured.err.splitlines()

    def start(self, *words: object) -> subprocess.Popen[bytes]:
        """The command in a process of its own."""
        command = [sys.executable, "-m", "kfusion", "stream", "--model", self.model, *words]
        pipe = subprocess.PIPE
        return subprocess.Popen([str(word) for word in command], stdin=pipe, stdout=pipe, stderr=pipe)

    def whole(self, samples: np.ndarray, identity: object = None, **options: object) -> np.ndarray:
        stream = self.generator.stream(identity, **options)
        return np.concatenate([stream.push(samples).points, stream.flush().points])

    def _fed(self, content: bytes) -> TextIO:
        """A file that holds `content`."""
        path = self.root / "sound.raw"
        path.write_bytes(content)
        return path.open()


@pytest.fixture
def desk(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, capfd, monkeypatch)


def points(lines: list[dict]) -> np.ndarray:
    return np.array([line["points"] for line in lines])


def test_a_line_about_the_stream_and_one_for_every_frame(desk: Desk) -> None:
    code, (head, *frames), notes = desk.run()
    assert (code, notes) == (0, [])
    assert head == {
        "kfusion": kfusion.__version__,
        "model": "tiny-stream",
        "fps": 30.0,
        "coordinates": "crop",
        "frame": "crop",
        "look_ahead_s": desk.generator.stream().look_ahead_s,
        "lead_ms": 0.0,
        "leads_ms": [-500, 214],
    }
    assert [frame["frame"] for frame in frames] == list(range(32))
    assert [frame["time_s"] for frame in frames] == [round(index / 30, 6) for index in range(32)]
    np.testing.assert_allclose(points(frames), desk.whole(SPEECH), atol=0.00501)
    assert all(round(value, 2) == value for value in points(frames).ravel().tolist())


def test_a_face_and_a_frame_rate(desk: Desk) -> None:
    np.save(desk.root / "face.npy", face_points())
    _, (head, *frames), _ = desk.run("--face", desk.root / "face.npy", "--fps", 25)
    assert (head["fps"], head["coordinates"], len(frames)) == (25.0, "image", 27)
    np.testing.assert_allclose(points(frames), desk.whole(SPEECH, face_points(), fps=25), atol=0.00501)


def test_a_lead_and_more_expression(desk: Desk) -> None:
    _, (head, *frames), _ = desk.run("--lead-ms", 100, "--expressiveness", 1.5)
    assert (head["lead_ms"], head["look_ahead_s"]) == (100.0, pytest.approx(0.2525))
    assert [frame["time_s"] for frame in frames] == [round(index / 30, 6) for index in range(32)]
    whole = desk.whole(SPEECH, lead_ms=100, expressiveness=1.5)
    np.testing.assert_allclose(points(frames), whole, atol=0.00501)
    assert np.abs(whole - desk.whole(SPEECH)).max() > 0.1


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
def test_sound_of_another_rate_gives_the_same_frames_within_a_tenth_of_a_pixel(desk: Desk, rate_hz: int) -> None:
    speech = np.round(tone(1.05, rate_hz=rate_hz) * 32767).astype("<i2")
    _, (_, *frames), _ = desk.run("--rate", rate_hz, stdin=speech.tobytes())
    np.testing.assert_allclose(points(frames), desk.whole(SPEECH), atol=0.1)


def test_frames_come_while_the_sound_is_still_coming(desk: Desk) -> None:
    with desk.start() as process:
        assert b'"kfusion"' in process.stdout.readline()
        heard = 0
        for index in range(0, 27, 3):  # a block of 100 ms is ready once the look-ahead is there
            while heard < 2440 + index // 3 * 1600:
                process.stdin.write(SPEECH[heard : heard + 101].tobytes())
                process.stdin.flush()
                heard += 101
            assert [json.loads(process.stdout.readline())["frame"] for _ in range(3)] == [index, index + 1, index + 2]
        process.stdin.close()
        process.wait(PATIENCE_S)


def test_half_a_sample_at_the_end_gets_a_notice(desk: Desk) -> None:
    code, (_, *frames), notes = desk.run(stdin=SPEECH.tobytes() + b"\0")
    assert (code, len(frames)) == (0, 32)
    assert notes == ["kfusion: note: stdin ends with half a sample (1 byte), which is left out: is it 16-bit PCM?"]


def test_samples_may_come_in_halves(desk: Desk) -> None:
    with desk.start() as process:
        for byte in SPEECH[:200].tobytes():
            process.stdin.write(bytes([byte]))
            process.stdin.flush()
        out, error = process.communicate(timeout=PATIENCE_S)
    assert (len(out.splitlines()), error, process.returncode) == (2, b"", 0)


def test_empty_input_is_an_error(desk: Desk) -> None:
    code, _, notes = desk.run(stdin=b"")
    assert code == 2
    assert len(notes) == 1
    assert "stdin holds no sound (0 bytes)" in notes[0]


def test_a_terminal_as_input_is_an_error(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = pty.openpty()
    with os.fdopen(ends[0], "rb", buffering=0), os.fdopen(ends[1]) as terminal:
        monkeypatch.setattr(Desk, "_fed", lambda *_: terminal)
        code, lines, notes = desk.run()
    assert (code, lines, len(notes)) == (2, [], 1)
    assert "stdin is a terminal" in notes[0]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--rate", 100), "sample rate is 100 Hz: use 8000 to 192000"),
        (("--fps", 0), "fps is 0.0: use a number from 1 to 240"),
        (("--emotion", "bored"), "unknown emotion 'bored'"),
        (("--lead-ms", 215), "streams of model tiny-stream allows -500 to 214"),
        (("--expressiveness", 9), "expressiveness is 9: use 0 (a face at rest) to 2"),
        (("--face", "none.jpg"), "none.jpg: no such picture"),
    ],
)
def test_an_argument_that_cannot_be_used_is_an_error_before_any_line(desk: Desk, words: tuple, reason: str) -> None:
    code, lines, notes = desk.run(*words)
    assert (code, lines, len(notes)) == (2, [], 1)
    assert reason in notes[0]


def test_a_model_that_hears_whole_recordings_is_an_error(desk: Desk) -> None:
    code, lines, notes = desk.run("--model", write_bundle(desk.root / "whole.onnx"))
    assert (code, lines) == (2, [])
    assert "hears whole recordings" in notes[0]


def test_who_stops_reading_ends_the_stream_quietly(desk: Desk) -> None:
    with desk.start() as process:
        process.stdout.readline()
        process.stdout.close()
        try:
            for _ in range(40):
                process.stdin.write(SPEECH.tobytes())
        except BrokenPipeError:
            pass
        process.wait(PATIENCE_S)
        assert process.stderr.read() == b""
        assert process.returncode == 0


@linux
def test_a_full_disk_is_an_error(desk: Desk) -> None:
    command = [sys.executable, "-m", "kfusion", "stream", "--model", str(desk.model)]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command, input=SPEECH.tobytes(), stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE_S, check=False
        )
    assert done.returncode == 2
    assert b"stdout: cannot write (No space left on device)" in done.stderr


def test_an_interrupt_brings_the_last_frames(desk: Desk) -> None:
    with desk.start() as process:
        process.stdin.write(SPEECH.tobytes())
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(28)]  # the stream now waits for sound
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        lines += process.stdout.readlines()
        assert process.wait(PATIENCE_S) == 130
        assert process.stderr.read() == b"kfusion: interrupted\n"
    np.testing.assert_allclose(points([json.loads(line) for line in lines[1:]]), desk.whole(SPEECH), atol=0.00501)


def test_an_interrupt_in_the_middle_of_a_frame_waits_for_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from kfusion.inference.landmark_stream import Stream

    push, first_read = Stream.push, SPEECH[: READ_BYTES // 2]
    expected = desk.whole(first_read)

    def interrupted(stream: Stream, samples: np.ndarray) -> object:
        if len(samples) == len(first_read):
            signal.raise_signal(signal.SIGINT)
        return push(stream, samples)

    monkeypatch.setattr(Stream, "push", interrupted)
    code, (_, *frames), notes = desk.run()
    assert (code, notes) == (130, ["kfusion: interrupted"])
    np.testing.assert_allclose(points(frames), expected, atol=0.00501)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_microphone_is_heard_at_its_own_rate(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    speech = np.round(tone(1.05, rate_hz=48_000) * 32767).astype("<i2").tobytes()
    opened = []

    def open_it(microphone: Microphone, device: str, rate_hz: int | None) -> None:
        opened.append((device, rate_hz))
        microphone.rate_hz = 48_000

    monkeypatch.setattr(Microphone, "__init__", open_it)
    monkeypatch.setattr(Microphone, "__exit__", lambda *_: None)
    monkeypatch.setattr(Microphone, "blocks", lambda _: iter([speech[:9000], speech[9000:]]))
    code, (_, *frames), notes = desk.run("--microphone", "usb")
    assert (code, notes, opened) == (0, [], [("usb", None)])
    np.testing.assert_allclose(points(frames), desk.whole(SPEECH), atol=0.1)


@linux
def test_memory_does_not_grow_with_the_sound(desk: Desk) -> None:
    with desk.start() as process:
        reader = threading.Thread(target=process.stdout.read)
        reader.start()
        held = []
        for _ in range(4):
            process.stdin.write(bytes(32_000 * 60))
            held.append(_resident_kb(process.pid))
        process.stdin.close()
        reader.join()
        assert process.wait(PATIENCE_S) == 0
    assert held[-1] - held[0] < 5_000


def _resident_kb(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


# --- to an avatar


def test_the_motion_goes_to_every_address_too(desk: Desk) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(PATIENCE_S)
        port = receiver.getsockname()[1]
        code, messages, notes = desk.run("--send", f"livelink://127.0.0.1:{port}", "--send", f"vmc://:{port}")
        packets = [receiver.recv(4096) for _ in range(32)]
    assert (code, notes, len(messages)) == (0, [], 33)
    assert {packet[:8] == b"#bundle\0" for packet in packets} == {True, False}
    jaws = [np.frombuffer(packet[65:], ">f4")[17] for packet in packets if packet[0] == 6]
    assert max(jaws) > 0.1


@pytest.mark.parametrize("address", ["http://127.0.0.1", "livelink://127.0.0.1:x", "vmc://nowhere.invalid"])
def test_an_address_that_cannot_be_used_is_one_line(desk: Desk, address: str) -> None:
    code, messages, notes = desk.run("--send", address)
    assert (code, messages, len(notes)) == (2, [], 1)
    assert address in notes[0]


@pytest.mark.parametrize(
    ("words", "line"),
    [(("--gain", "2"), "--gain 2 goes with --send"), (("--gain", "9", "--send", "vmc://"), "gain is 9: use a number")],
)
def test_a_gain_that_cannot_be_used_is_one_line(desk: Desk, words: tuple[str, ...], line: str) -> None:
    code, messages, notes = desk.run(*words)
    assert (code, messages, len(notes)) == (2, [], 1)
    assert line in notes[0]
