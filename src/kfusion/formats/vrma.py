"""VRM animation, `.vrma`: expressions by ARKit's names, blinks, an open mouth, and the head, for VRM 1.0 avatars."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.formats.glb import gltf_rotations
from kfusion.formats.glb_container import Document, Glb
from kfusion.motion.face_motion import Motion

FULLY_OPEN = 0.5
"""The `jawOpen` that is VRM's `aa` at its most."""
_BONES = (("hips", 0.85), ("spine", 0.1), ("chest", 0.15), ("neck", 0.25), ("head", 0.08))
"""From the ground up, each with its height over the one before, in metres: the rest pose that loaders ask for."""


def write_vrma(motion: Motion, path: Path) -> None:
    """A clip of expressions: the weight of each is the x of its node's translation.

    The 52 shapes are custom expressions, as "perfect sync" avatars have them. Of the presets, `blinkLeft`,
    `blinkRight` and `aa` are set alone: which vowel is spoken is not told from a face.
    """
    expressions = _expressions(motion)
    nodes = [_bone(number, name, height) for number, (name, height) in enumerate(_BONES)]
    first = len(nodes)
    nodes += [{"name": name} for _, name in expressions]
    kinds: Document = {"preset": {}, "custom": {}}
    for number, (kind, name) in enumerate(expressions, first):
        kinds[kind][name] = {"node": number}
    bones = {name: {"node": number} for number, (name, _) in enumerate(_BONES)}
    clip = Glb(
        {
            "asset": {"version": "2.0", "generator": "kfusion"},
            "extensionsUsed": ["VRMC_vrm_animation"],
            "extensions": {
                "VRMC_vrm_animation": {"specVersion": "1.0", "humanoid": {"humanBones": bones}, "expressions": kinds}
            },
            "scene": 0,
            "scenes": [{"nodes": [0, *range(first, len(nodes))]}],
            "nodes": nodes,
        }
    )
    times = (np.arange(len(motion)) / motion.fps).astype(np.float32)
    tracks = [(number, "translation", _along_x(weights)) for number, weights in enumerate(expressions.values(), first)]
    clip.add_animation(times, [(len(_BONES) - 1, "rotation", gltf_rotations(motion)), *tracks])
    clip.write(path)


def _expressions(motion: Motion) -> dict[tuple[str, str], NDArray[np.float32]]:
    """Kind and name of every expression -> its weights."""
    shapes = {("custom", name): motion.of(name) for name in ARKIT_SHAPES}
    return {
        ("preset", "aa"): np.minimum(motion.of("jawOpen") / np.float32(FULLY_OPEN), np.float32(1)),
        ("preset", "blinkLeft"): motion.of("eyeBlinkLeft"),
        ("preset", "blinkRight"): motion.of("eyeBlinkRight"),
        **shapes,
    }


def _bone(number: int, name: str, height_m: float) -> Document:
    children = {"children": [number + 1]} if number + 1 < len(_BONES) else {}
    return {"name": name, "translation": [0.0, height_m, 0.0], **children}


def _along_x(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    track = np.zeros((len(weights), 3), np.float32)
    track[:, 0] = weights
    return track
