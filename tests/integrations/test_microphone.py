import logging
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from kfusion.errors import InputError, MissingExtraError
from kfusion.integrations import microphone
from kfusion.integrations.microphone import Microphone, SoundQueue


def pcm(*values: int) -> bytes:
    return np.array(values, "<i2").tobytes()


class PortAudio:
    """Stands for `sounddevice`: a card with one input, which hands over what a test tells it to."""

    class PortAudioError(Exception):
        pass

    def __init__(self) -> None:
        self.opened: dict = {}
        self.closed = False
        self.refuses_start = False
        self.script = lambda: None

    def query_devices(self, device, kind):
        assert kind == "input"
        if device is not None and device not in (0, "built-in"):
            raise ValueError(f"No input device matching {device!r}")
        return {"default_samplerate": 48_000.0}

    def open_stream(self, **options):
        self.opened = options
        return self

    RawInputStream = open_stream

    def start(self):
        if self.refuses_start:
            raise self.PortAudioError("Device unavailable")
        self.script()

    def close(self):
        self.closed = True

    def hear(self, data: bytes, at_s: float = 0.0, *, overflow: bool = False) -> None:
        status = SimpleNamespace(input_overflow=overflow)
        self.opened["callback"](data, len(data) // 2, SimpleNamespace(inputBufferAdcTime=at_s), status)

    def end(self) -> None:
        self.opened["finished_callback"]()


@pytest.fixture
def portaudio(monkeypatch):
    fake = PortAudio()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


# --- the queue


def test_sound_comes_out_in_order_and_then_ends():
    queue = SoundQueue(100)
    queue.put(pcm(1))
    queue.put(pcm(2))
    queue.end()
    assert [queue.get(1), queue.get(1), queue.get(1)] == [(0, pcm(1)), (0, pcm(2)), None]
    assert queue.lost_samples == 0


def test_a_full_queue_drops_the_oldest_and_says_how_much_is_missing():
    queue = SoundQueue(4)
    for value in range(6):
        queue.put(pcm(value, value))
    assert queue.get(1) == (8, pcm(4, 4))
    assert queue.get(1) == (0, pcm(5, 5))
    assert queue.lost_samples == 8


def test_sound_that_was_lost_before_the_queue_is_missing_too():
    queue = SoundQueue(4)
    queue.put(pcm(1, 1))
    queue.put(pcm(2, 2), missing=10)
    queue.put(pcm(3, 3), missing=100)
    assert [queue.get(1), queue.get(1)] == [(12, pcm(2, 2)), (100, pcm(3, 3))]
    assert queue.lost_samples == 112


def test_a_block_longer_than_the_queue_is_kept():
    queue = SoundQueue(2)
    queue.put(pcm(1, 2, 3))
    assert queue.get(1) == (0, pcm(1, 2, 3))


def test_waiting_for_sound_ends_after_a_while():
    with pytest.raises(TimeoutError):
        SoundQueue(2).get(0.01)


# --- the device


def test_a_microphone_is_heard_at_the_rate_it_prefers_until_it_ends(portaudio):
    portaudio.script = lambda: (portaudio.hear(pcm(1, 2)), portaudio.hear(pcm(3)), portaudio.end())
    with Microphone() as opened:
        assert opened.rate_hz == 48_000
        assert list(opened.blocks()) == [pcm(1, 2), pcm(3)]
    assert portaudio.closed
    assert portaudio.opened["samplerate"] == 48_000
    assert (portaudio.opened["channels"], portaudio.opened["dtype"], portaudio.opened["device"]) == (1, "int16", None)


@pytest.mark.parametrize(("word", "device"), [("0", 0), ("built-in", "built-in"), ("", None)])
def test_a_device_is_a_number_or_a_part_of_its_name(portaudio, word, device):
    with Microphone(word, 16_000) as opened:
        assert opened.rate_hz == portaudio.opened["samplerate"] == 16_000
    assert portaudio.opened["device"] == device


def test_silence_stands_for_what_a_slow_reader_lost_and_one_note_says_so(portaudio, caplog):
    second = pcm(*[7] * 48_000)

    def run_ahead():
        for _ in range(5):
            portaudio.hear(second)
        portaudio.end()

    portaudio.script = run_ahead
    with caplog.at_level(logging.WARNING, "kfusion"), Microphone() as opened:
        heard = b"".join(opened.blocks())
    assert heard == bytes(4 * len(second)) + second
    (note,) = caplog.records
    assert note.message.startswith("the default microphone: 4.00 s of sound were dropped")


def test_silence_stands_for_what_the_card_lost(portaudio):
    block = pcm(*[7] * 960)

    def lose():
        portaudio.hear(block, 10.0)
        portaudio.hear(block, 10.5, overflow=True)
        portaudio.hear(block, 10.53, overflow=True)  # 10 ms late: jitter
        portaudio.end()

    portaudio.script = lose
    with Microphone() as opened:
        heard = b"".join(opened.blocks())
    assert heard == block + bytes(2 * 23_040) + block + block


def test_a_microphone_that_falls_silent_is_an_error(portaudio, monkeypatch):
    monkeypatch.setattr(microphone, "PATIENCE_S", 0.01)
    with Microphone("built-in") as opened, pytest.raises(InputError, match=r"'built-in' gave no sound for 0.01 s"):
        next(opened.blocks())


def test_a_device_that_is_not_there_is_an_error(portaudio):
    with pytest.raises(InputError, match=r"microphone 'usb' cannot be opened \(No input device matching 'usb'\)"):
        Microphone("usb")


def test_a_device_that_does_not_start_is_an_error(portaudio):
    portaudio.refuses_start = True
    with Microphone() as opened, pytest.raises(InputError, match=r"cannot be started \(Device unavailable\)"):
        next(opened.blocks())
    assert portaudio.closed


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'kfusion\[microphone\]'"):
        Microphone()


def test_a_missing_library_names_its_package(monkeypatch, tmp_path):
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(MissingExtraError, match="apt install libportaudio2"):
        Microphone()
