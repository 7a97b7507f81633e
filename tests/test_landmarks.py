import json
from pathlib import Path

import numpy as np
import pytest
from factories.media import plain_face

from kfusion.errors import InputError, OutputError
from kfusion.landmarks import (
    CLOSED,
    CONTOURS,
    EYE_CORNERS,
    INNER_LIPS,
    MIRROR,
    STABLE_POINTS,
    LandmarkSequence,
    Similarity,
    check_landmarks,
    fit_similarity,
    frame_count,
    inter_ocular_distance,
    mirror,
    mouth_opening,
    onto_closings,
    read_landmarks,
    remove_head_motion,
    resample,
    signed_opening,
    unit_frame,
)


def turned(points: np.ndarray, degrees: float, scale: float, offset: tuple[float, float]) -> np.ndarray:
    angle = np.deg2rad(degrees)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points @ matrix.T + offset).astype(np.float32)


def test_the_unit_frame_puts_the_eye_corners_at_half_left_and_half_right() -> None:
    unit = unit_frame(plain_face())(plain_face())
    np.testing.assert_allclose(unit[list(EYE_CORNERS)], [[-0.5, 0], [0.5, 0]], atol=1e-6)


def test_the_unit_frame_does_not_see_place_size_and_rotation_in_the_picture() -> None:
    moved = turned(plain_face(), 33, 2.5, (400, -70))
    np.testing.assert_allclose(unit_frame(moved)(moved), unit_frame(plain_face())(plain_face()), atol=1e-5)


def test_image_to_unit_and_back_does_not_drift() -> None:
    face, to_unit = plain_face(), unit_frame(plain_face())
    for _ in range(50):
        face = to_unit.inverse()(to_unit(face))
    np.testing.assert_allclose(face, plain_face(), atol=1e-3)


def test_a_face_without_size_is_an_error() -> None:
    with pytest.raises(InputError, match="36 and 45"):
        unit_frame(np.zeros((68, 2), np.float32))


def test_a_fitted_similarity_is_the_one_that_moved_the_points() -> None:
    faces = np.stack([turned(plain_face(), degrees, 1.7, (5, 9)) for degrees in (-20, 0, 35)])
    np.testing.assert_allclose(fit_similarity(plain_face(), faces)(plain_face()), faces, atol=1e-3)


def test_a_fitted_similarity_never_reflects() -> None:
    fitted = fit_similarity(plain_face(), mirror(plain_face()))
    assert np.linalg.det(fitted.matrix) > 0


def test_head_motion_goes_and_speech_stays() -> None:
    speaking = np.repeat(plain_face()[None], 3, 0)
    speaking[1, 66, 1] += 8
    moved = np.stack([turned(face, 10 * index, 1 + index / 5, (index, 3)) for index, face in enumerate(speaking)])
    np.testing.assert_allclose(remove_head_motion(moved, plain_face()), speaking, atol=1e-3)


def test_the_mirror_is_its_own_inverse_and_keeps_the_stable_points() -> None:
    np.testing.assert_array_equal(MIRROR[MIRROR], np.arange(68))
    assert {int(MIRROR[point]) for point in STABLE_POINTS} == set(STABLE_POINTS)
    np.testing.assert_array_equal(mirror(mirror(plain_face())), plain_face())


def test_every_point_is_on_one_contour() -> None:
    assert sorted(point for line, _ in CONTOURS for point in line) == list(range(68))


def test_distances_by_hand() -> None:
    face = np.zeros((68, 2), np.float32)
    face[45], face[66] = (3, 4), (0, 7)
    assert inter_ocular_distance(face) == 5
    assert mouth_opening(face[None]).tolist() == [7]


def test_lips_that_cross_are_open_by_less_than_nothing_however_the_head_is_held() -> None:
    face = np.repeat(plain_face()[None], 3, axis=0).astype(np.float32)
    face[:, 66] = face[:, 62] + [[2, 5], [2, 0], [2, -5]]
    turn = np.array([[0.8, -0.6], [0.6, 0.8]], np.float32)
    for seen in (face, face @ turn.T):
        assert signed_opening(seen).tolist() == pytest.approx([5, 0, -5], abs=1e-4)


@pytest.mark.parametrize(
    ("duration_s", "fps", "count"),
    [
        (1, 30, 30),
        (1 + 1 / 16000, 30, 31),
        (0.1, 30, 3),
        (0, 30, 0),
        (2.3, 30, 69),
        (47466 / 16000, 30, 89),
        (1, 29.97, 30),
    ],
)
def test_the_last_partial_frame_counts(duration_s: float, fps: float, count: int) -> None:
    assert frame_count(duration_s, fps) == count


def test_resampling_stands_exactly_at_t_over_fps() -> None:
    times_s = np.array([0, 0.1, 0.5, 1.0])
    moving = plain_face()[None] + times_s[:, None, None].astype(np.float32)
    expected = plain_face()[None] + (np.arange(31) / 30)[:, None, None]
    np.testing.assert_allclose(resample(moving, times_s, 30, 31), expected, atol=1e-4)


def closing_face(openings: np.ndarray) -> np.ndarray:
    """Faces whose mouths are open so far, in inter-ocular distances."""
    faces = np.repeat(plain_face()[None], len(openings), axis=0)
    upper, lower = INNER_LIPS
    faces[:, lower] = faces[:, upper]
    faces[:, lower, 1] += openings * inter_ocular_distance(plain_face())
    return faces


@pytest.mark.parametrize("fps", [24, 25, 29.97, 50, 60])
@pytest.mark.parametrize("frame", [1, 10, 11, 13, 17, 28])
def test_lips_that_meet_for_one_frame_do_so_at_every_rate(fps: float, frame: int) -> None:
    openings, times_s, count = np.full(30, 0.2), np.arange(30) / 30, int(fps)
    openings[frame] = 0.01
    linear, kept = (
        mouth_opening(resample(closing_face(openings), times_s, fps, count, keep_closings=keep))
        / inter_ocular_distance(plain_face())
        for keep in (False, True)
    )
    assert kept.min() == pytest.approx(0.01, abs=1e-4)
    assert abs(int(kept.argmin()) / fps - frame / 30) <= 0.5 / fps + 1e-6
    others = np.arange(count) != kept.argmin()
    np.testing.assert_allclose(kept[others], linear[others], atol=1e-6)


def test_between_two_frames_the_lips_would_not_meet() -> None:
    openings = np.full(30, 0.2)
    openings[10] = 0.01
    seen = mouth_opening(resample(closing_face(openings), np.arange(30) / 30, 25, 25)).min()
    assert seen > 0.05 * inter_ocular_distance(plain_face())


def test_instants_keep_their_order_and_move_by_less_than_a_frame() -> None:
    random = np.random.default_rng(0)
    for step in (0.3, 0.83, 1.0, 1.2, 2.4, 7.5):
        opening = random.uniform(0, 0.06, 200)
        wanted = np.arange(0.35, 198, step)
        moved = onto_closings(wanted, np.arange(200.0), opening)
        assert (np.diff(moved) >= 0).all()
        assert np.abs(moved - wanted).max() <= min(1, step / 2) + 1e-9
        assert (moved != wanted).any()
        changed = moved[moved != wanted]
        assert (changed == np.round(changed)).all()
        assert (opening[changed.astype(int)] < CLOSED).all()


def test_few_instants_and_few_frames_are_left_alone() -> None:
    for wanted, times in ((np.zeros(1), np.arange(9.0)), (np.arange(5.0), np.arange(2.0)), (np.zeros(0), np.zeros(0))):
        assert onto_closings(wanted, times, np.zeros(len(times))) is wanted


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.json", "list.json", "a.csv", "plain.csv", "header.csv"])
def test_landmarks_are_read_from_every_file_type(tmp_path: Path, name: str) -> None:
    face, path = plain_face(), tmp_path / name
    rows = "\n".join(f"{x},{y}" for x, y in face)
    if name in {"plain.csv", "header.csv"}:
        path.write_text(rows if name == "plain.csv" else f"x,y\n{rows}\n\n")
    elif name == "list.json":
        path.write_text(json.dumps(face.tolist()))
    elif name == "a.npy":
        np.save(path, face)
    else:
        LandmarkSequence(points=face[None], fps=30).save(path)
    np.testing.assert_allclose(read_landmarks(path), face, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.npy", None),
        ("empty.npy", b""),
        ("empty.csv", b""),
        ("blank.csv", b"\n\n"),
        ("text.csv", b"hello\nworld"),
        ("ragged.csv", b"1,2\n3\n"),
        ("binary.csv", b"\xff\x00\xfe"),
        ("text.npz", b"hello"),
        ("damaged.npz", b"PK\x03\x04 not an archive"),
        ("text.npy", b"hello"),
        ("broken.json", b'{"landmarks": [[1, 2'),
        ("other.json", b'{"points": 3}'),
        ("null.json", b"null"),
        ("deep.json", b"[" * 100_000),
        ("wrong.txt", b"1 2"),
    ],
)
def test_a_file_without_landmarks_gives_one_clear_line(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name) as caught:
        read_landmarks(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_an_archive_of_the_other_ending_is_an_error(tmp_path: Path) -> None:
    saved = LandmarkSequence(points=plain_face()[None], fps=30).save(tmp_path / "a.npz")
    np.save(tmp_path / "b.npy", plain_face())
    with pytest.raises(InputError, match="npz archive"):
        read_landmarks(saved.rename(tmp_path / "c.npy"))
    with pytest.raises(InputError, match=r"d\.npz"):
        read_landmarks((tmp_path / "b.npy").rename(tmp_path / "d.npz"))


def test_a_truncated_archive_is_an_error(tmp_path: Path) -> None:
    path = LandmarkSequence(points=plain_face()[None], fps=30).save(tmp_path / "a.npz")
    content = path.read_bytes()
    for length in (len(content) // 2, len(content) - 10):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"a\.npz"):
            read_landmarks(path)
        with pytest.raises(InputError, match="kfusion wrote"):
            LandmarkSequence.load(path)


def test_a_damaged_archive_is_an_error(tmp_path: Path) -> None:
    path = LandmarkSequence(points=plain_face()[None], fps=30).save(tmp_path / "a.npz")
    content = bytearray(path.read_bytes())
    content[200:260] = bytes(60)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npz"):
        read_landmarks(path)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (np.zeros((67, 2)), r"\(67, 2\)"),
        (np.zeros(136), r"\(136,\)"),
        (np.full((68, 2), np.nan), "not finite"),
        (np.full((68, 2), 1e300), "not finite"),
        (np.zeros((68, 2), bool), "not finite"),
        (np.zeros((68, 2), "U1"), "not finite"),
    ],
)
def test_wrong_landmarks_are_an_error(points: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_landmarks(points, "here")


@pytest.mark.parametrize("ending", [".npz", ".csv", ".json"])
def test_what_a_sequence_saves_can_be_read(tmp_path: Path, ending: str) -> None:
    points = np.stack([plain_face(), plain_face() + 1])
    path = LandmarkSequence(points=points, fps=25, model="m", source="s").save(tmp_path / f"a{ending}")
    np.testing.assert_allclose(read_landmarks(path), points[0], atol=1e-3)


def test_a_sequence_loads_as_it_was_saved(tmp_path: Path) -> None:
    sequence = LandmarkSequence(points=plain_face()[None], fps=29.97, coordinates="crop", model="m", source="s")
    loaded = LandmarkSequence.load(sequence.save(tmp_path / "a.npz"))
    np.testing.assert_array_equal(loaded.points, sequence.points)
    assert (loaded.fps, loaded.coordinates, loaded.model, loaded.source) == (29.97, "crop", "m", "s")
    assert loaded.times_s.tolist() == [0]


def test_a_sequence_of_before_coordinates_had_their_name_loads(tmp_path: Path) -> None:
    path = LandmarkSequence(points=plain_face()[None], fps=30, coordinates="crop").save(tmp_path / "a.npz")
    with np.load(path) as arrays:
        former = {name: array for name, array in arrays.items() if name != "coordinates"}
    np.savez(path, **former)
    assert LandmarkSequence.load(path).coordinates == "crop"


def test_the_former_name_of_the_coordinates_is_told_its_new_one() -> None:
    moving = LandmarkSequence(points=plain_face()[None], fps=30, coordinates="crop")
    with pytest.warns(DeprecationWarning, match=r"now \.coordinates"):
        assert moving.frame == "crop"


def test_an_unknown_ending_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"'\.mat'"):
        LandmarkSequence(points=plain_face()[None], fps=30).save(tmp_path / "a.mat")


def test_the_inverse_of_many_maps_undoes_each() -> None:
    maps = fit_similarity(plain_face(), np.stack([turned(plain_face(), a, 2, (1, 2)) for a in (5, 50)]))
    assert isinstance(maps, Similarity)
    back = maps.inverse()(maps(plain_face()))
    np.testing.assert_allclose(back, np.stack([plain_face()] * 2), atol=1e-3)
