"""glTF: a stub head that speaks, or the animation written into somebody's own avatar.

Axes of glTF: x to the character's left, y up, z out of the face; metres.
"""

import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kfusion.errors import InputError, foreign
from kfusion.face_shapes import ARKIT_SHAPES, mask_triangles, mean_face_depth, shape_directions
from kfusion.formats.glb_container import INDICES, VERTICES, Document, Glb
from kfusion.formats.morph_names import matching_shapes
from kfusion.formats.rotation import gltf_rotation
from kfusion.motion.face_motion import Motion

log = logging.getLogger(__name__)

EYES_M = 0.09
"""Between the outer eye corners of a grown-up, about."""
_SKIN = [0.8, 0.6, 0.5, 1.0]
_SHOWN = 6
"""How many names of foreign morph targets a message shows."""


def write_glb(motion: Motion, path: Path, avatar: Path | None = None) -> None:
    """A GLB file whose animation `kfusion` sets the morph targets.

    Args:
        motion: what is shown.
        path: where the file goes.
        avatar: a GLB with morph targets, which gets the animation and stays as it is otherwise; None for a mask of the
            68 points with 52 morph targets of ARKit's names.

    Raises:
        InputError: the avatar cannot be read, or has no morph target with a name of ARKit's.
    """
    if avatar is None:
        head = _stub_head()
        tracks = [(0, "weights", motion.weights.ravel()), (0, "rotation", gltf_rotations(motion))]
    else:
        head, faces = _read_avatar(avatar)
        log.warning("%s: %s", avatar, _match(faces))
        tracks = [(face.node, "weights", face.weights(motion)) for face in faces if face.shapes]
    head.add_animation((np.arange(len(motion)) / motion.fps).astype(np.float32), tracks)
    head.write(path)


def check_morph_targets(avatar: Path) -> None:
    """Raises `InputError` unless the animation can be written into an avatar."""
    _read_avatar(avatar)


def gltf_rotations(motion: Motion) -> NDArray[np.float32]:
    """The head's rotation as quaternions x, y, z, w, (T, 4)."""
    return np.array([gltf_rotation(*map(float, angles)) for angles in motion.head], np.float32)


class _MorphedNode(NamedTuple):
    """A node of an avatar whose mesh has morph targets."""

    node: int
    names: list[str]
    shapes: dict[int, str]
    """Number of a target -> the ARKit shape that it is."""
    rest: NDArray[np.float32]
    """What the targets are set to where nothing is said about them, (targets,)."""

    def weights(self, motion: Motion) -> NDArray[np.float32]:
        """A row for every frame, one after the other."""
        rows = np.tile(self.rest, (len(motion), 1))
        for number, shape in self.shapes.items():
            rows[:, number] = motion.of(shape)
        return rows.ravel()


def _read_avatar(avatar: Path) -> tuple[Glb, list[_MorphedNode]]:
    """An avatar and its nodes with morph targets.

    Raises:
        InputError: it cannot be read, or none of its targets has a name of ARKit's.
    """
    glb = Glb.read(avatar)
    with foreign(f"{avatar}: its glTF is damaged", "export the avatar again"):
        faces = [_morphed(glb.document, number) for number in range(len(glb.document.get("nodes", [])))]
    faces = [face for face in faces if face.names]
    if not any(face.shapes for face in faces):
        raise InputError(f"{avatar}: {_why_no_match(faces)}")
    return glb, faces


def _morphed(document: Document, number: int) -> _MorphedNode:
    node = document["nodes"][number]
    names = _target_names(document, node)
    rest = node.get("weights", document["meshes"][node["mesh"]].get("weights")) if names else None
    weights = np.zeros(len(names), np.float32) if rest is None else np.array(rest, np.float32).reshape(len(names))
    return _MorphedNode(number, names, matching_shapes(names), weights)


def _target_names(document: Document, node: Document) -> list[str]:
    """The names of the morph targets of a node's mesh; where they have no names, of none."""
    if "mesh" not in node:
        return []
    mesh = document["meshes"][node["mesh"]]
    names = mesh.get("extras", {}).get("targetNames")
    if names is None:
        names = mesh["primitives"][0].get("extras", {}).get("targetNames", [])
    count = len(mesh["primitives"][0].get("targets", []))
    return [str(name) for name in names][:count] + [""] * (count - len(names))


def _match(faces: list[_MorphedNode]) -> str:
    """Which shapes an avatar has, and which not."""
    found = {shape for face in faces for shape in face.shapes.values()}
    others = sum(len(face.names) - len(face.shapes) for face in faces)
    text = f"{len(found)} of {len(ARKIT_SHAPES)} ARKit shapes have a morph target of their name"
    missing = [name for name in ARKIT_SHAPES if name not in found]
    named = [name for name in ARKIT_SHAPES if name in found]
    text += f", not {', '.join(missing)}" if 0 < len(missing) < len(named) else ""
    text += f": {', '.join(named)}" if len(missing) >= len(named) else ""
    return f"{text}; {others} other targets stay as they are" if others else text


def _why_no_match(faces: list[_MorphedNode]) -> str:
    names = [name for face in faces for name in face.names]
    if not names:
        return "no mesh has morph targets: export the avatar with its shape keys"
    shown = ", ".join(name or "(no name)" for name in names[:_SHOWN])
    return f"no morph target has a name of ARKit's, such as jawOpen ({shown} ...): rename them or leave --avatar out"


def _stub_head() -> Glb:
    """A mask of the mean face: node 0, mesh 0, a target for each of the 52 shapes."""
    face, depth = mean_face_depth()
    directions = shape_directions(face.astype(np.float32))
    head = Glb({"asset": {"version": "2.0", "generator": "kfusion"}, "scene": 0, "scenes": [{"nodes": [0]}]})
    places = head.add(_in_metres(face, depth), bounds=True, use=VERTICES)
    moved = [_in_metres(directions.get(name, np.zeros_like(face))) for name in ARKIT_SHAPES]
    targets = [{"POSITION": head.add(target, bounds=True, use=VERTICES)} for target in moved]
    corners = head.add(mask_triangles()[:, ::-1].ravel().astype(np.uint16), use=INDICES)
    primitive: dict[str, Any] = {"attributes": {"POSITION": places}, "indices": corners, "material": 0}
    mesh = {
        "name": "head",
        "primitives": [primitive | {"targets": targets}],
        "weights": [0.0] * len(targets),
        "extras": {"targetNames": ARKIT_SHAPES},
    }
    skin = {"doubleSided": True, "pbrMetallicRoughness": {"baseColorFactor": _SKIN, "metallicFactor": 0.0}}
    head.document |= {"nodes": [{"name": "head", "mesh": 0}], "meshes": [mesh], "materials": [skin]}
    return head


def _in_metres(flat: NDArray[np.float64], depth: NDArray[np.float64] | float = 0.0) -> NDArray[np.float32]:
    """Points or displacements (68, 2) of the mean face in the axes of glTF, (68, 3)."""
    behind = np.broadcast_to(depth, len(flat))
    return (np.stack([flat[:, 0], -flat[:, 1], -behind], -1) * EYES_M).astype(np.float32)
