"""The head's rotation as a quaternion, in the axes of glTF and in those of Unity."""

import math

Quaternion = tuple[float, float, float, float]
"""x, y, z, w."""


def gltf_rotation(yaw: float, pitch: float, roll: float) -> Quaternion:
    """Of angles in radians: x to the character's left, y up, z out of the face; right-handed.

    The head is tilted first, then looks up, then turns.
    """
    return _product(_product(_about(1, yaw), _about(0, -pitch)), _about(2, -roll))


def unity_rotation(yaw: float, pitch: float, roll: float) -> Quaternion:
    """The same with x to the character's right, left-handed."""
    x, y, z, w = gltf_rotation(yaw, pitch, roll)
    return x, -y, -z, w


def _about(axis: int, angle: float) -> Quaternion:
    parts = [0.0, 0.0, 0.0, math.cos(angle / 2)]
    parts[axis] = math.sin(angle / 2)
    return parts[0], parts[1], parts[2], parts[3]


def _product(a: Quaternion, b: Quaternion) -> Quaternion:
    """First `b`, then `a`."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )
