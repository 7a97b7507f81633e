/**
 * ARKit's 52 shapes of a face, and where the 68 points go when one of them is fully on, as src/kfusion/face_shapes.py
 * has them. Left and right are the character's. Directions are x0, y0, x1, ... in eye distances of the mean face.
 */

import { DEPTH, DIRECTIONS, FACE, TRIANGLES } from "./measured_shapes.js";
import { fitSimilarity, mapped } from "./plane.js";
import { MIRROR, range } from "../speech/landmarks.js";

/** In the order of ARKit over the wire. */
// prettier-ignore
export const ARKIT_SHAPES = [
  "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft",
  "eyeSquintLeft", "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight",
  "eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight", "eyeWideRight",
  "jawForward", "jawLeft", "jawRight", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker",
  "mouthLeft", "mouthRight", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight",
  "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
  "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
  "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight",
  "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft", "browDownRight", "browInnerUp",
  "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
  "noseSneerLeft", "noseSneerRight", "tongueOut",
];
export { DEPTH, FACE, TRIANGLES };

/** Upper and lower lid of the character's left eye. */
const LIDS = [
  [43, 47],
  [44, 46],
];
const LIPS = range(48, 68);
const LOWER_LIP = [55, 56, 57, 58, 59, 65, 66, 67];
const CHIN = range(5, 12);
const LEFT_BROW = range(22, 27);
const LEFT_UPPER_LIP = range(51, 54);
const NOSTRILS = range(31, 36);

/** @typedef {Float64Array<ArrayBuffer>} Direction displacement of the 68 points */

/**
 * The map that lays a face on the mean face, in which directions are given.
 * @param {ArrayLike<number>} face
 */
export function toMeanFace(face) {
  return fitSimilarity(face, FACE);
}

/**
 * Where the points of a resting face go for a weight of 1, by shape; shapes that 68 points do not show are left out.
 * Lids close as far as those of this face are open.
 * @param {ArrayLike<number>} face
 * @returns {Map<string, Direction>}
 */
export function shapeDirections(face) {
  const both = new Map(Object.entries(DIRECTIONS).map(([name, one]) => [name, Float64Array.from(one)]));
  const left = new Map([...both].filter(([name]) => name.endsWith("Left")));
  const drawn = [...drawnLeft(), ...leftLid(mapped(toMeanFace(face), face))];
  for (const [name, one] of drawn) left.set(name, one);
  const directions = new Map(both);
  for (const [name, one] of left) {
    directions.set(name, one);
    directions.set(`${name.slice(0, -"Left".length)}Right`, mirrored(one));
  }
  for (const [name, one] of drawnWhole()) directions.set(name, one);
  return directions;
}

/** @returns {[string, Direction][]} shapes of both sides that do not move in speech */
function drawnWhole() {
  const inner = pull(22, [0, -0.065], 0.22, LEFT_BROW);
  const chin = pull(8, [0, -0.09], 0.35, CHIN);
  for (const point of LOWER_LIP) chin[2 * point + 1] = -0.08;
  return [
    ["browInnerUp", sum(inner, mirrored(inner))],
    ["mouthShrugLower", chin],
  ];
}

/** @returns {[string, Direction][]} the left ones of shapes that do not move in speech */
function drawnLeft() {
  const sideways = new Float64Array(FACE.length);
  for (const point of LIPS) sideways[2 * point] = 0.15;
  for (const point of CHIN) sideways[2 * point] = 0.03;
  const brow = pull(22, [0, 0.035], 0.15, LEFT_BROW);
  const sneer = sum(pull(35, [0, -0.07], 0.15, NOSTRILS), pull(53, [0, -0.05], 0.15, LEFT_UPPER_LIP));
  return [
    ["mouthLeft", sideways],
    ["mouthFrownLeft", pull(54, [0.015, 0.06], 0.1, LIPS)],
    ["browDownLeft", pull(23, [-0.035, 0.045], 0.3, LEFT_BROW)],
    ["browOuterUpLeft", pull(25, [0.02, -0.09], 0.25, LEFT_BROW)],
    ["noseSneerLeft", sum(brow, sneer)],
  ];
}

/**
 * The left ones of the shapes of the lids, as shares of how far the eyes are open.
 * @param {ArrayLike<number>} face laid on the mean face
 * @returns {[string, Direction][]}
 */
function leftLid(face) {
  const [blink, wide, squint] = [0, 1, 2].map(() => new Float64Array(FACE.length));
  for (const [upper, lower] of LIDS) {
    for (const [axis, sign] of [-1, 1].entries()) {
      const here = face[2 * lower + axis] - face[2 * upper + axis];
      const there = face[2 * MIRROR[lower] + axis] - face[2 * MIRROR[upper] + axis];
      const gap = (here + sign * there) / 2;
      blink[2 * upper + axis] = 0.95 * gap;
      wide[2 * upper + axis] = -0.35 * gap;
      squint[2 * lower + axis] = -0.25 * gap;
    }
  }
  return [
    ["eyeBlinkLeft", blink],
    ["eyeWideLeft", wide],
    ["eyeSquintLeft", squint],
    ["cheekSquintLeft", squint.slice()],
  ];
}

/**
 * Points moved by so much at one of them, less with the distance from it: e-fold at `reach`.
 * @param {number} at
 * @param {[number, number]} by
 * @param {number} reach
 * @param {number[]} among
 * @returns {Direction}
 */
function pull(at, by, reach, among) {
  const direction = new Float64Array(FACE.length);
  for (const point of among) {
    const x = FACE[2 * point] - FACE[2 * at];
    const y = FACE[2 * point + 1] - FACE[2 * at + 1];
    const share = Math.exp(-(x * x + y * y) / reach ** 2);
    direction[2 * point] = share * by[0];
    direction[2 * point + 1] = share * by[1];
  }
  return direction;
}

/** @param {Direction} direction @returns {Direction} */
function mirrored(direction) {
  return direction.map((_, at) => (at % 2 ? 1 : -1) * direction[2 * MIRROR[at >> 1] + (at % 2)]);
}

/** @param {Direction} one @param {Direction} other @returns {Direction} */
function sum(one, other) {
  return one.map((value, at) => value + other[at]);
}
