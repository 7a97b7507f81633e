/** Signs of life in ARKit's shapes, and in the place of a head. */

import { ARKIT_SHAPES } from "../motion/face_shapes.js";
import { gltfRotation } from "../formats/rotation.js";

/** @typedef {import("../types.js").LifeSigns} LifeSigns */

/** Gaze in eye distances that turns the eyes as far as a shape of 1 does: 30 degrees of a ball of 12 mm. */
const FULL_GLANCE = 0.067;
/** Brows in eye distances that are raised, and drawn down, by shapes of 1. */
const BROWS_UP = 0.09;
const BROWS_DOWN = 0.045;
const PLACE = Object.fromEntries(ARKIT_SHAPES.map((name, place) => [name, place]));

/**
 * The weights with blinks, glances and brows added.
 * @param {ArrayLike<number>} weights 52
 * @param {LifeSigns} life
 */
export function livelyWeights(weights, { closed, gaze, brows }) {
  const lively = Float32Array.from(weights);
  const add = (/** @type {string} */ name, /** @type {number} */ more) => {
    if (more > 0) lively[PLACE[name]] = Math.min(lively[PLACE[name]] + more, 1);
  };
  const [toLeft, down] = gaze.map((way) => way / FULL_GLANCE);
  for (const [side, outward] of /** @type {[string, number][]} */ ([
    ["Left", toLeft],
    ["Right", -toLeft],
  ])) {
    // prettier-ignore
    lively[PLACE[`eyeBlink${side}`]] = Math.max(lively[PLACE[`eyeBlink${side}`]], closed);
    lively[PLACE[`eyeWide${side}`]] *= 1 - closed;
    add(`eyeLookOut${side}`, outward);
    add(`eyeLookIn${side}`, -outward);
    add(`eyeLookDown${side}`, down);
    add(`eyeLookUp${side}`, -down);
    add(`browOuterUp${side}`, brows / BROWS_UP);
    add(`browDown${side}`, -brows / BROWS_DOWN);
  }
  add("browInnerUp", brows / BROWS_UP);
  return lively;
}

/**
 * Where a head is: rotation x, y, z, w in the axes of glTF; shift to the character's left and up, in eye distances; size.
 * @param {ArrayLike<number>} angles yaw, pitch, roll in radians
 * @param {LifeSigns} life
 */
export function headPlace(angles, { shift, roll, nearer }) {
  return {
    rotation: gltfRotation([angles[0], angles[1], angles[2] + roll]),
    shift: [shift[0], -shift[1]],
    size: 1 + nearer,
  };
}
