"""What is read is this file and no other, and it is a file."""

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from factories.media import sine, write_pcm

from kfusion.audio import read_audio
from kfusion.errors import InputError
from kfusion.inference.recording import read_recording
from kfusion.media import pipes

LISTS = {
    "ffconcat": "ffconcat version 1.0\nfile whole.wav\n",
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:18999/x.ts\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 18998 RTP/AVP 0\n",
    "mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"></MPD>',
    "rtsp": "RTSPtext\r\nrtsp://127.0.0.1:18999/x\r\n",
}


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("ending", ["", ".wav"])
def test_a_list_that_names_other_files_is_refused_at_once(tmp_path: Path, kind: str, ending: str) -> None:
    write_pcm(tmp_path / "whole.wav", sine(0.5), 16_000)
    path = tmp_path / f"a.{kind}{ending}"
    path.write_text(LISTS[kind])
    begun_s = time.perf_counter()
    with pytest.raises(InputError, match="is a list that names other files or addresses: pass the recording itself"):
        read_audio(path)
    assert time.perf_counter() - begun_s < 2


@pytest.mark.parametrize("size", [64 << 20, 8 << 30])
def test_a_file_that_was_mostly_never_written_is_refused_at_once(tmp_path: Path, size: int) -> None:
    path = write_pcm(tmp_path / "a.wav", sine(0.5), 16_000)
    with path.open("r+b") as file:
        file.truncate(size)
    if path.stat().st_blocks * 512 > size / 2:
        pytest.skip("this file system has no holes")
    with pytest.raises(InputError, match=r"bytes were never written: an unfinished download"):
        read_audio(path)


def test_a_device_is_refused() -> None:
    with pytest.raises(InputError, match="is a pipe, a socket or a device"):
        read_audio("/dev/zero")


def test_a_recording_on_a_pipe_is_read_as_often_as_needed(tmp_path: Path) -> None:
    whole = write_pcm(tmp_path / "a.wav", sine(2.0), 16_000)
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(whole.read_bytes()))
    writer.start()
    recording = read_recording(pipe)
    assert recording.announced_s() == pytest.approx(2.0)
    for _ in range(2):
        np.testing.assert_array_equal(np.concatenate(list(recording.blocks())), read_audio(whole))
    writer.join()
    kept = recording._file
    assert kept is not None
    assert kept.is_file()
    del recording
    assert not kept.parent.exists()


def test_a_slow_writer_is_waited_for(tmp_path: Path) -> None:
    whole = write_pcm(tmp_path / "a.wav", sine(0.5), 16_000).read_bytes()
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("wb", buffering=0) as file:
            for first in range(0, len(whole), 6000):
                time.sleep(0.05)
                file.write(whole[first : first + 6000])

    writer = threading.Thread(target=write)
    writer.start()
    assert len(np.concatenate(list(read_recording(pipe).blocks()))) == 8000
    writer.join()


def test_a_pipe_into_which_nobody_writes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    monkeypatch.setattr(pipes, "WRITER_S", 0.1)
    with pytest.raises(InputError, match="nobody writes into the pipe"):
        list(read_recording(pipe).blocks())


def test_a_pipe_that_brings_too_much_is_refused_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    monkeypatch.setattr(pipes, "MAX_PIPE_BYTES", 100_000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def write() -> None:
        with pytest.raises(BrokenPipeError):
            pipe.write_bytes(bytes(10_000_000))

    writer = threading.Thread(target=write)
    writer.start()
    with pytest.raises(InputError, match="more than 100000 bytes"):
        list(read_recording(pipe).blocks())
    writer.join()
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_recording_that_is_read_already_is_kept() -> None:
    recording = read_recording(sine(0.5))
    assert read_recording(recording) is recording
