"""Errors survive the way from a worker process, and name their remedy."""

import pickle

import pytest

from kfusion.errors import (
    CheckpointError,
    InputError,
    KfusionError,
    MissingExtraError,
    MissingWeightsError,
    OutputError,
    foreign,
)


@pytest.mark.parametrize("kind", [InputError, OutputError, MissingWeightsError, CheckpointError])
def test_every_error_is_a_kfusion_error(kind: type[KfusionError]) -> None:
    assert issubclass(kind, KfusionError)


@pytest.mark.parametrize("error", [InputError("a: b"), MissingExtraError("training", "train")])
def test_an_error_comes_back_from_another_process_as_it_was(error: KfusionError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)


def test_a_missing_extra_says_what_to_install() -> None:
    assert str(MissingExtraError("training", "train")).endswith("pip install 'kfusion[train]'")
    assert str(MissingExtraError("finding a face", "", "pass a file")).endswith("pass a file")


@pytest.mark.parametrize("raised", [ValueError("bad\nline"), MemoryError(), RecursionError("deep"), KeyError("x")])
def test_whatever_a_parser_raises_is_one_input_error(raised: Exception) -> None:
    said = " ".join(str(raised).split()) or type(raised).__name__
    with (
        pytest.raises(InputError, match=rf"^a.wav: damaged \({said}\): export it again$") as caught,
        foreign("a.wav: damaged", "export it again"),
    ):
        raise raised
    assert caught.value.__cause__ is raised


def test_our_own_errors_and_a_request_to_stop_pass_a_parser_as_they_are() -> None:
    with pytest.raises(OutputError, match=r"^full$"), foreign("a", "b"):
        raise OutputError("full")
    with pytest.raises(KeyboardInterrupt), foreign("a", "b"):
        raise KeyboardInterrupt
