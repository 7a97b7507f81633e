/** The head's rotation as a quaternion x, y, z, w in the axes of glTF. */

/** @typedef {[number, number, number, number]} Quaternion */

/**
 * Of angles in radians: x to the character's left, y up, z out of the face. The head is tilted first, then looks up,
 * then turns.
 * @param {ArrayLike<number>} angles yaw, pitch, roll
 * @returns {Quaternion}
 */
export function gltfRotation({ 0: yaw, 1: pitch, 2: roll }) {
  return product(product(about(1, yaw), about(0, -pitch)), about(2, -roll));
}

/** @param {number} axis @param {number} angle @returns {Quaternion} */
function about(axis, angle) {
  /** @type {Quaternion} */
  const parts = [0, 0, 0, Math.cos(angle / 2)];
  parts[axis] = Math.sin(angle / 2);
  return parts;
}

/** First the second, then the first. @param {Quaternion} a @param {Quaternion} b @returns {Quaternion} */
function product([ax, ay, az, aw], [bx, by, bz, bw]) {
  return [
    aw * bx + ax * bw + ay * bz - az * by,
    aw * by - ax * bz + ay * bw + az * bx,
    aw * bz + ax * by - ay * bx + az * bw,
    aw * bw - ax * bx - ay * by - az * bz,
  ];
}
