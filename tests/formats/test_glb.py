import json
import logging

import numpy as np
import pytest
from factories.motion import shaped

from kfusion.errors import InputError
from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.formats.glb_container import Glb


@pytest.fixture
def avatar(tmp_path):
    """Makes a GLB of somebody else's with morph targets of these names, the third of them set to 0.5."""

    def make(*names: str, primitive: dict[str, object] | None = None):
        glb = Glb({"asset": {"version": "2.0"}, "extras": {"owner": "somebody"}, "scenes": [{"nodes": [0]}]})
        corners = glb.add(np.eye(3, dtype=np.float32), bounds=True)
        mesh = {"primitives": [{"attributes": {"POSITION": corners}, **(primitive or {})}]}
        if names:
            mesh["primitives"][0]["targets"] = [{"POSITION": corners} for _ in names]
            mesh |= {"extras": {"targetNames": names}, "weights": [0.5 if at == 2 else 0.0 for at in range(len(names))]}
        glb.document |= {"nodes": [{"children": [1]}, {"mesh": 0}], "meshes": [mesh]}
        glb.write(tmp_path / "avatar.glb")
        return tmp_path / "avatar.glb"

    return make


def animated(path):
    """Times, and the rows of weights, of the last animation of a file."""
    glb = Glb.read(path)
    document, binary = glb.document, b"".join(glb._pieces)
    channel = document["animations"][-1]["channels"][0]
    sampler = document["animations"][-1]["samplers"][channel["sampler"]]

    def numbers(accessor):
        view = document["bufferViews"][document["accessors"][accessor]["bufferView"]]
        return np.frombuffer(binary, np.float32, view["byteLength"] // 4, view["byteOffset"])

    times = numbers(sampler["input"])
    assert channel["target"]["path"] == "weights"
    return times, numbers(sampler["output"]).reshape(len(times), -1), channel["target"]["node"]


def test_openfacefx_reads_the_stub_head(smile, written):
    openfacefx = pytest.importorskip("openfacefx")
    track, _ = openfacefx.read_gltf(str(written(smile, "glb")), epsilon=0.0)
    ends = {channel.name: channel.keys[-1] for channel in track.channels if channel.keys[-1].value}
    assert {name: key.value for name, key in ends.items()} == pytest.approx(
        {"mouthSmileLeft": 0.8, "jawLeft": 0.2, "mouthLeft": 0.4}
    )
    assert [key.time for key in ends.values()] == pytest.approx([1.0] * 3)


def test_pygltflib_reads_the_stub_head(smile, written):
    pygltflib = pytest.importorskip("pygltflib")
    gltf = pygltflib.GLTF2().load(str(written(smile, "glb")))
    assert gltf.meshes[0].extras["targetNames"] == list(ARKIT_SHAPES)
    assert len(gltf.meshes[0].primitives[0].targets) == 52
    assert [channel.target.path for channel in gltf.animations[0].channels] == ["weights", "rotation"]
    moments = gltf.accessors[gltf.animations[0].samplers[0].input]
    assert (moments.min, moments.max) == ([0.0], [1.0])


def test_a_smile_of_the_stub_head_moves_the_corner_on_the_characters_left(smile, written):
    glb = Glb.read(written(smile, "glb"))
    document, binary = glb.document, b"".join(glb._pieces)
    target = document["meshes"][0]["primitives"][0]["targets"][ARKIT_SHAPES.index("mouthSmileLeft")]["POSITION"]
    view = document["bufferViews"][document["accessors"][target]["bufferView"]]
    moved = np.frombuffer(binary, np.float32, 68 * 3, view["byteOffset"]).reshape(68, 3)
    assert moved[54, 0] > 0.002  # x to the character's left
    assert moved[54, 1] > 0.002  # y up
    assert np.abs(moved[48]).max() < 1e-4


def test_an_avatar_gets_the_weights_of_its_own_names_and_is_told_which(avatar, smile, written, caplog):
    path = avatar("basis", "mouthSmile_R", "smirk", "mouthSmile_L", "JawOpen")
    with caplog.at_level(logging.WARNING):
        out = written(smile, "glb", avatar=path)
    times, weights, node = animated(out)
    assert node == 1
    np.testing.assert_allclose(times, np.arange(31) / 30, atol=1e-6)
    np.testing.assert_allclose(weights[-1], [0, 0, 0.5, 0.8, 0], atol=1e-6)
    assert (
        "3 of 52 ARKit shapes have a morph target of their name: jawOpen, mouthSmileLeft, mouthSmileRight"
        in caplog.text
    )
    assert "2 other targets stay as they are" in caplog.text
    assert Glb.read(out).document["extras"] == {"owner": "somebody"}


def test_targets_named_in_the_primitive_are_found(avatar, smile, written):
    path = avatar()
    glb = Glb.read(path)
    primitive = glb.document["meshes"][0]["primitives"][0]
    primitive |= {"targets": [primitive["attributes"]], "extras": {"targetNames": ["mouthSmileLeft"]}}
    glb.write(path)
    assert animated(written(smile, "glb", avatar=path))[1][-1] == pytest.approx([0.8])


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ((), "no mesh has morph targets"),
        (("Fcl_ALL_Joy", "A"), r"no morph target has a name of ARKit's.*Fcl_ALL_Joy, A"),
    ],
)
def test_an_avatar_without_such_targets_is_refused_and_nothing_is_written(
    avatar, smile, written, tmp_path, names, problem
):
    path = avatar(*names)
    before = path.read_bytes()
    with pytest.raises(InputError, match=problem):
        written(smile, "glb", avatar=path)
    assert [file.name for file in tmp_path.iterdir()] == ["avatar.glb"]
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "meshes", [[], [{}], "x", [{"primitives": []}], [{"primitives": [{"targets": [1]}], "extras": 3}]]
)
def test_a_glb_with_broken_insides_is_one_error(avatar, smile, written, meshes):
    path = avatar("jawOpen")
    glb = Glb.read(path)
    glb.document["meshes"] = meshes
    glb.write(path)
    with pytest.raises(InputError, match=r"avatar\.glb: (its glTF is damaged|not a whole GLB file)"):
        written(smile, "glb", avatar=path)


def test_a_still_head_has_no_turn(written):
    glb = Glb.read(written(shaped(2), "glb"))
    assert json.dumps(glb.document["animations"]).count("rotation") == 1
