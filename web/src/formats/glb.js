/** glTF: a stub head that speaks. Axes: x to the character's left, y up, z out of the face; metres. */

import { ARKIT_SHAPES, DEPTH, FACE, shapeDirections, TRIANGLES } from "../motion/face_shapes.js";
import { Glb, INDICES, VERTICES } from "./glb_container.js";
import { gltfRotation } from "./rotation.js";

/** @typedef {import("../motion/face_motion.js").Motion} Motion */

/** Between the outer eye corners of a grown-up, about. */
const EYES_M = 0.09;
const SKIN = [0.8, 0.6, 0.5, 1];

/**
 * The bytes of a file whose animation `kfusion` moves a mask of the 68 points by 52 morph targets of ARKit's names.
 * @param {Motion} motion
 */
export function glbBytes({ sequence, weights, head }) {
  const file = stubHead();
  const count = weights.length / ARKIT_SHAPES.length;
  const times = Float32Array.from({ length: count }, (_, t) => t / sequence.fps);
  const rotations = new Float32Array(count * 4);
  for (let t = 0; t < count; t++) rotations.set(gltfRotation(head.subarray(3 * t, 3 * t + 3)), 4 * t);
  file.addAnimation(times, [
    { node: 0, path: "weights", values: weights },
    { node: 0, path: "rotation", values: rotations, width: 4 },
  ]);
  return file.bytes();
}

/** A mask of the mean face: node 0, mesh 0, a target for each of the 52 shapes. */
function stubHead() {
  const directions = shapeDirections(FACE);
  const head = new Glb({ asset: { version: "2.0", generator: "kfusion" }, scene: 0, scenes: [{ nodes: [0] }] });
  const vertices = { width: 3, bounds: true, use: VERTICES };
  const places = head.add(inMetres(FACE, DEPTH), vertices);
  const still = new Float64Array(FACE.length);
  const targets = ARKIT_SHAPES.map((name) => ({
    POSITION: head.add(inMetres(directions.get(name) ?? still), vertices),
  }));
  const corners = head.add(counterclockwise(TRIANGLES), { use: INDICES });
  const primitive = { attributes: { POSITION: places }, indices: corners, material: 0, targets };
  const weights = targets.map(() => 0);
  const mesh = { name: "head", primitives: [primitive], weights, extras: { targetNames: ARKIT_SHAPES } };
  const skin = { doubleSided: true, pbrMetallicRoughness: { baseColorFactor: SKIN, metallicFactor: 0 } };
  Object.assign(head.document, { nodes: [{ name: "head", mesh: 0 }], meshes: [mesh], materials: [skin] });
  return head;
}

/** @param {number[]} triangles */
function counterclockwise(triangles) {
  return Uint16Array.from(triangles, (_, at) => triangles[at - (at % 3) + 2 - (at % 3)]);
}

/**
 * Points or displacements of the mean face, three numbers each, in the axes of glTF.
 * @param {ArrayLike<number>} flat
 * @param {number[]} [depth]
 */
function inMetres(flat, depth) {
  const placed = new Float32Array((flat.length / 2) * 3);
  for (let point = 0; point < flat.length / 2; point++) {
    placed[3 * point] = flat[2 * point] * EYES_M;
    placed[3 * point + 1] = -flat[2 * point + 1] * EYES_M;
    placed[3 * point + 2] = -(depth?.[point] ?? 0) * EYES_M;
  }
  return placed;
}
