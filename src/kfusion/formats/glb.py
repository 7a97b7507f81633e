"""glTF: a stub head that speaks, or the animation written into somebody's own avatar.

Axes of glTF: x to the character's left, y up, z out of the face; metres.
"""

import logging
from pathlib import Path
from typing import Any

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
        node, rotation = 0, gltf_rotations(motion)
        head.add_animation(_times(motion), [(node, "weights", motion.weights.ravel()), (node, "rotation", rotation)])
    else:
        head = Glb.read(avatar)
        with foreign(f"{avatar}: its glTF is damaged", "export the avatar again"):
            tracks = _tracks(head.document, motion, avatar)
            head.add_animation(_times(motion), tracks)
    head.write(path)


def gltf_rotations(motion: Motion) -> NDArray[np.float32]:
    """The head's rotation as quaternions x, y, z, w, (T, 4)."""
    return np.array([gltf_rotation(*map(float, angles)) for angles in motion.head], np.float32)


def _times(motion: Motion) -> NDArray[np.float32]:
    return (np.arange(len(motion)) / motion.fps).astype(np.float32)


def _tracks(document: Document, motion: Motion, avatar: Path) -> list[tuple[int, str, NDArray[np.float32]]]:
    """The weights of every node of an avatar whose mesh has shapes of ARKit's."""
    tracks, matched, others = [], set[str](), list[str]()
    for node, holder in enumerate(document.get("nodes", [])):
        names = _target_names(document, holder)
        shapes = matching_shapes(names)
        others += [name for number, name in enumerate(names) if number not in shapes]
        if shapes:
            matched |= set(shapes.values())
            weights = _resting_weights(document, holder, len(names)) + np.zeros((len(motion), 1), np.float32)
            for number, shape in shapes.items():
                weights[:, number] = motion.of(shape)
            tracks.append((node, "weights", weights.ravel()))
    if not matched:
        raise InputError(f"{avatar}: {_why_no_match(others)}")
    log.warning("%s: %s", avatar, _match(matched, others))
    return tracks


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


def _resting_weights(document: Document, node: Document, count: int) -> NDArray[np.float32]:
    """What the avatar's targets are set to where nothing is said about them."""
    weights = node.get("weights", document["meshes"][node["mesh"]].get("weights", [0.0] * count))
    return np.array(weights, np.float32)


def _match(matched: set[str], others: list[str]) -> str:
    missing = [name for name in ARKIT_SHAPES if name not in matched]
    text = f"{len(matched)} of {len(ARKIT_SHAPES)} ARKit shapes have a morph target of their name"
    if missing:
        text += f", not {', '.join(missing)}"
    return f"{text}; {len(others)} other targets stay as they are" if others else text


def _why_no_match(others: list[str]) -> str:
    if not others:
        return "no mesh has morph targets: export the avatar with its shape keys"
    shown = ", ".join(name or "(no name)" for name in others[:_SHOWN])
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
