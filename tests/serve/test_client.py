"""The client in Python, against a real server."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories.inputs import face_points, tone, write_wav
from factories.serve import QUICK, TinyGenerator, running_server

from kfusion.errors import InputError
from kfusion.inference.generator import load
from kfusion.landmarks import LandmarkSequence
from kfusion.serve.client import Client, ServiceError

NOWHERE = "http://127.0.0.1:9"


def same(first: LandmarkSequence, second: LandmarkSequence) -> None:
    np.testing.assert_array_equal(first.points, second.points)
    assert (first.fps, first.coordinates, first.model) == (second.fps, second.coordinates, second.model)


def test_generate_gives_what_the_library_gives(url: str, model: Path, generator: TinyGenerator, tmp_path: Path) -> None:
    speech = write_wav(tmp_path / "speech.wav", tone(1.0))
    np.save(tmp_path / "face.npy", face_points())
    sequence = Client(url).generate(speech, tmp_path / "face.npy", fps=25)
    same(sequence, load(model).generate(speech, face_points(), fps=25))
    assert sequence.source == "speech.wav"


@pytest.mark.parametrize("size", [100, 1600, 40_000])
def test_a_stream_gives_what_a_local_stream_gives(url: str, model: Path, generator: TinyGenerator, size: int) -> None:
    sound = tone(2.1)
    local = load(model).stream(face_points(), fps=25)
    with Client(url).stream(face_points(), fps=25, sample_format="float32") as stream:
        assert (stream.fps, stream.coordinates, stream.look_ahead_s) == (25, "image", local.look_ahead_s)
        pieces = [stream.push(sound[start : start + size]) for start in range(0, len(sound), size)]
        pieces.append(stream.flush())
    points = np.concatenate([piece.points for piece in pieces])
    np.testing.assert_array_equal(points, np.concatenate([local.push(sound).points, local.flush().points]))
    firsts = np.cumsum([0, *(len(piece) for piece in pieces[:-1])])
    assert [piece.first_frame for piece in pieces] == firsts.tolist()


def test_a_lead_and_more_expression_are_those_of_the_library(url: str, model: Path, tmp_path: Path) -> None:
    speech, local = write_wav(tmp_path / "speech.wav", tone(1.0)), load(model)
    delivery = {"lead_ms": -70.5, "expressiveness": 1.4}
    same(Client(url).generate(speech, **delivery), local.generate(speech, **delivery))
    stream = local.stream(**delivery)
    with Client(url).stream(sample_format="float32", **delivery) as remote:
        assert (remote.lead_ms, remote.leads_ms, remote.look_ahead_s) == (-70.5, (-500, 214), stream.look_ahead_s)
        points = np.concatenate([remote.push(tone(1.0)).points, remote.flush().points])
    np.testing.assert_array_equal(points, np.concatenate([stream.push(tone(1.0)).points, stream.flush().points]))


def test_whole_numbers_and_floats_are_the_same_sound(url: str) -> None:
    sound = np.round(tone(0.5) * 32768)
    given = []
    for samples in (sound.astype(np.int16), (sound / 32768).astype(np.float32)):
        with Client(url).stream() as stream:
            given.append(np.concatenate([stream.push(samples).points, stream.flush().points]))
    np.testing.assert_array_equal(*given)


def test_long_sound_in_one_push_does_not_lock_up(url: str) -> None:
    with Client(url).stream() as stream:
        first = stream.push(np.tile(tone(1.0), 25))
        assert len(first) + len(stream.flush()) == 750


def test_an_error_of_the_server_keeps_its_code(generator: TinyGenerator, tmp_path: Path) -> None:
    silent = write_wav(tmp_path / "silent.wav", np.zeros(16_000, np.float32))
    with running_server(generator, replace(QUICK, token="right")) as url:
        with pytest.raises(ServiceError, match="token is missing") as refusal:
            Client(url).generate(silent)
        assert refusal.value.code == "unauthorized"
        with pytest.raises(ServiceError, match="token is missing"), Client(url, "wrong").stream():
            pass
        with pytest.raises(ServiceError, match="is silent") as refusal:
            Client(url, "right").generate(silent)
        assert refusal.value.code == "unusable_input"
        assert len(Client(url, "right").generate(silent, allow_silence=True)) == 30
        with Client(url, "right").stream() as stream:
            assert len(stream.push(tone(0.5))) + len(stream.flush()) == 15


def test_a_stream_that_was_broken_off_says_why(generator: TinyGenerator) -> None:
    with running_server(generator, replace(QUICK, max_stream_s=0.5)) as url, Client(url).stream() as stream:
        with pytest.raises(ServiceError, match=r"lasts longer than 0\.5 s") as refusal:
            [stream.push(tone(2.0)), stream.flush()]
        assert refusal.value.code == "too_large"


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    speech = write_wav(tmp_path / "speech.wav", tone(1.0))
    with pytest.raises(ServiceError, match=f"{NOWHERE}: .*check the address") as refusal:
        Client(NOWHERE).generate(speech)
    assert refusal.value.code == "unreachable"
    with pytest.raises(ServiceError, match="check the address"), Client(NOWHERE).stream():
        pass
    with pytest.raises(ServiceError, match="check the address"):
        Client("127.0.0.1:9").generate(speech)


def test_what_cannot_be_sent_is_refused_here(url: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        Client(url).generate(tmp_path / "none.wav")
    with pytest.raises(InputError, match=r"\(5, 2\)"), Client(url).stream(face_points()[:5]):
        pass
    with Client(url).stream() as stream, pytest.raises(InputError, match="not a finite number"):
        stream.push(np.array([np.nan]))


@pytest.mark.parametrize("package", ["httpx", "websockets", "pydantic"])
def test_a_missing_package_says_what_to_install(package: str) -> None:
    program = f"import sys; sys.modules[{package!r}] = None; import kfusion.serve.client"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "MissingExtraError: kfusion.serve.client needs packages" in done.stderr
    assert "pip install 'kfusion[serve]'" in done.stderr
