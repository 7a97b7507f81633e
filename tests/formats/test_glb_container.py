import json
import struct

import numpy as np
import pytest

from kfusion.errors import InputError
from kfusion.formats.glb_container import Glb


def glb_of(**content):
    """A GLB file of a document alone."""
    text = json.dumps({"asset": {"version": "2.0"}, **content}).encode()
    text += b" " * (-len(text) % 4)
    return struct.pack("<4sIII4s", b"glTF", 2, 20 + len(text), len(text), b"JSON") + text


def test_what_is_written_is_read_back_and_the_file_is_as_the_specification_says(tmp_path):
    glb = Glb({"asset": {"version": "2.0"}}, b"abc")
    number = glb.add(np.array([[1, 2, 3], [0, 5, 1]], np.float32), bounds=True)
    glb.write(tmp_path / "a.glb")
    data = (tmp_path / "a.glb").read_bytes()
    magic, version, length, size = struct.unpack_from("<4sIII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    assert size % 4 == 0
    document = json.loads(data[20 : 20 + size])
    assert document["accessors"][number]["min"] == [0, 2, 1]
    assert document["bufferViews"][0]["byteOffset"] == 4  # after the three bytes that were there
    again = Glb.read(tmp_path / "a.glb")
    assert again.document == document


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"solid cube", "not a GLB file"),
        (b"glTF", "not a whole GLB file"),
        (struct.pack("<4sII", b"glTF", 1, 12), "not a whole GLB file"),
        (struct.pack("<4sIII4s", b"glTF", 2, 20, 400, b"JSON"), "breaks off"),
        (struct.pack("<4sIII4s", b"glTF", 2, 24, 4, b"JSON") + b"[]  ", "another version"),
        (struct.pack("<4sIII4s", b"glTF", 2, 24, 4, b"JSON") + b"{}  ", "not a whole GLB file"),
        (glb_of(nodes={"a": 1}), "a list that is none"),
        (glb_of(buffers=[{"uri": "other.bin", "byteLength": 4}]), "keeps its data in another file"),
    ],
)
def test_a_damaged_file_is_one_error(tmp_path, data, problem):
    (tmp_path / "a.glb").write_bytes(data)
    with pytest.raises(InputError, match=problem):
        Glb.read(tmp_path / "a.glb")


def test_a_file_without_binary_data_gets_some(tmp_path):
    (tmp_path / "a.glb").write_bytes(glb_of(buffers=[]))
    glb = Glb.read(tmp_path / "a.glb")
    glb.add(np.zeros(3, np.float32))
    glb.write(tmp_path / "b.glb")
    assert Glb.read(tmp_path / "b.glb").document["buffers"] == [{"byteLength": 12}]
