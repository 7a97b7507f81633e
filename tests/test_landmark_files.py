"""Landmark files that people send."""

import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from factories.inputs import face_points

from kfusion import landmark_files
from kfusion.errors import InputError
from kfusion.landmarks import LandmarkSequence, read_landmarks

FACE = face_points()


def npy(shape: str, kind: str = "<f8", content: bytes = b"") -> bytes:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + content


def text(separator: str, point: str = ".") -> str:
    return "".join(f"{x:.3f}{separator}{y:.3f}\n".replace(".", point) for x, y in FACE)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("content", [text(","), text(";"), text(";", ","), text("\t"), "x;y\n" + text(";", ",")])
def test_what_spreadsheets_write_is_read(tmp_path: Path, content: str, encoding: str) -> None:
    (tmp_path / "face.csv").write_text(content, encoding=encoding)
    np.testing.assert_allclose(read_landmarks(tmp_path / "face.csv"), FACE, atol=1e-3)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_before_json_is_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "face.json").write_text(str(FACE.tolist()), encoding=encoding)
    np.testing.assert_allclose(read_landmarks(tmp_path / "face.json"), FACE)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_are_stored_or_deflated(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "face.npz", "w", method) as archive:
        archive.writestr("landmarks.npy", npy("(68, 2)", "<f4", FACE.tobytes()))
    if method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        np.testing.assert_array_equal(read_landmarks(tmp_path / "face.npz"), FACE)
        return
    for read in (read_landmarks, LandmarkSequence.load):
        with pytest.raises(InputError, match="neither stored nor deflated"):
            read(tmp_path / "face.npz")


@pytest.mark.parametrize("shape", ["(1000000000000, 68, 2)", "(4294967296, 4294967296, 4)", "(-1, 68, 2)", "(10**9,)"])
@pytest.mark.parametrize("kind", ["<f8", "|V0", "|O", "<U100000000", "<c16"])
def test_an_array_that_announces_more_than_it_holds_is_refused(tmp_path: Path, shape: str, kind: str) -> None:
    content = npy(shape, kind, bytes(1088))
    (tmp_path / "face.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "face.npz", "w") as archive:
        archive.writestr("landmarks.npy", content)
    for name in ("face.npy", "face.npz"):
        with pytest.raises(InputError, match=name):
            read_landmarks(tmp_path / name)


def test_of_a_long_sequence_only_the_first_face_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.repeat(FACE[None], 2000, 0)
    points[1:] += 5
    path = LandmarkSequence(points=points, fps=30).save(tmp_path / "a.npz")
    monkeypatch.setattr(landmark_files, "_MAX_TEXT_BYTES", 1000)
    np.testing.assert_array_equal(read_landmarks(path), FACE)


def test_a_sequence_may_be_long_but_not_longer_than_its_size_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = LandmarkSequence(points=np.repeat(FACE[None], 3000, 0), fps=30).save(tmp_path / "a.npz")
    moving = np.random.default_rng(0).normal(0, 1, (3000, 68, 2)).astype(np.float32) + FACE
    honest = LandmarkSequence(points=moving, fps=30).save(tmp_path / "b.npz")
    monkeypatch.setattr(landmark_files, "MAX_ARRAY_BYTES", 1_000_000)
    np.testing.assert_array_equal(LandmarkSequence.load(honest).points, moving)
    with pytest.raises(InputError, match="announce"):
        LandmarkSequence.load(still)


def test_an_archive_of_very_many_members_is_not_even_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "many.npz", "w") as archive:
        for index in range(200):
            archive.writestr(f"{index}.npy", b"")
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(InputError, match="holds 200 arrays"):
        read_landmarks(tmp_path / "many.npz")


def test_json_is_bounded_before_it_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landmark_files, "MAX_JSON_BYTES", 1000)
    (tmp_path / "long.json").write_text("[" + "0," * 1000 + "0]")
    with pytest.raises(InputError, match="of JSON: save it as"):
        read_landmarks(tmp_path / "long.json")


@pytest.mark.parametrize("shape", [(2, 68), (136,), (68, 3), (3, 136), (1, 1, 68, 2), (68, 2, 5), (0, 68, 2)])
@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_another_shape_is_named(tmp_path: Path, shape: tuple[int, ...], ending: str) -> None:
    path = tmp_path / f"face.{ending}"
    np.save(path, np.zeros(shape)) if ending == "npy" else np.savez(path, landmarks=np.zeros(shape))
    with pytest.raises(InputError, match=r"shape \(|0 frames"):
        read_landmarks(path)


@pytest.mark.parametrize("ending", ["npy", "npz", "json", "csv"])
def test_no_pipe_folder_or_device_is_opened(tmp_path: Path, ending: str) -> None:
    os.mkfifo(tmp_path / f"pipe.{ending}")
    (tmp_path / f"zero.{ending}").symlink_to("/dev/zero")
    (tmp_path / f"folder.{ending}").mkdir()
    for name in ("pipe", "zero", "folder"):
        with pytest.raises(InputError, match=r"is a pipe, a socket or a device|is a folder"):
            read_landmarks(tmp_path / f"{name}.{ending}")
    with pytest.raises(InputError, match="is a pipe"):
        LandmarkSequence.load(tmp_path / f"pipe.{ending}")


def test_a_sequence_without_a_rate_is_refused(tmp_path: Path) -> None:
    for fps in (0.0, float("nan"), -25.0):
        path = LandmarkSequence(points=FACE[None], fps=fps).save(tmp_path / "a.npz")
        with pytest.raises(InputError, match="frames a second"):
            LandmarkSequence.load(path)
