import numpy as np
import pytest

from kfusion.inference.windows import cut, fade_in, join


def pieces_of(signal: np.ndarray, window: int, hop: int) -> list[np.ndarray]:
    return [*cut(np.array_split(signal, 7), window, hop)]


@pytest.mark.parametrize("length", [1, 59, 60, 61, 100, 101, 260, 1000])
def test_windows_start_a_hop_apart_and_reach_the_end(length: int) -> None:
    signal = np.arange(length, dtype=np.float32)
    pieces = pieces_of(signal, 60, 40)
    assert [int(piece[0]) for piece in pieces] == [40 * k for k in range(len(pieces))]
    assert pieces[-1][-1] == length - 1
    assert all(len(piece) == 60 for piece in pieces[:-1])


@pytest.mark.parametrize("length", [61, 100, 101, 260])
def test_the_last_window_is_longer_than_what_it_shares(length: int) -> None:
    assert len(pieces_of(np.zeros(length, np.float32), 60, 40)[-1]) > 20


@pytest.mark.parametrize("length", [1, 30, 60, 61, 100, 260])
def test_cutting_and_joining_gives_the_signal_back(length: int) -> None:
    signal = np.random.default_rng(0).normal(size=length).astype(np.float32)
    frames = [np.tile(piece[:, None, None], (1, 68, 2)) for piece in pieces_of(signal, 60, 40)]
    joined = np.concatenate([*join(frames, 40, 20)])
    np.testing.assert_allclose(joined[:, 0, 0], signal, atol=1e-6)


def test_windows_that_disagree_are_joined_without_a_jump() -> None:
    pieces = [np.full((60, 68, 2), float(k % 2), np.float32) for k in range(4)]
    joined = np.concatenate([*join(pieces, 40, 20)])[:, 0, 0]
    assert len(joined) == 3 * 40 + 60
    assert np.abs(np.diff(joined)).max() < 0.2


def test_the_outer_quarters_of_what_is_shared_are_dropped() -> None:
    weight = fade_in(60)
    assert (weight[:15] == 0).all()
    assert (weight[-15:] == 1).all()
    assert (np.diff(weight) >= 0).all()
