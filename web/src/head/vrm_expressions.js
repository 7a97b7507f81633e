/** ARKit weights as expressions of VRM avatars, as src/kfusion/formats/vrma.py sets them, and rounded or spread vowels. */

import { ARKIT_SHAPES } from "../motion/face_shapes.js";
import { arkitShape } from "./morph_names.js";

/** The `jawOpen` that is VRM's `aa` at its most, and what rounds, spreads and bares the teeth at most. */
const FULL = 0.5;
/** How far the shapes of the eyes turn them. */
const FULL_GLANCE_DEG = 30;
/** @type {Record<string, number>} */
const PLACE = Object.fromEntries(ARKIT_SHAPES.map((name, place) => [name, place]));

/** Names of the presets that are set. */
export const PRESETS = ["aa", "ih", "ou", "ee", "oh", "blinkLeft", "blinkRight"];

/**
 * Name of an avatar's expression -> its ARKit shape: avatars of "perfect sync" have all of them.
 * @param {string[]} names
 */
export function arkitExpressions(names) {
  return new Map(names.flatMap((name) => (arkitShape(name) ? [[name, /** @type {string} */ (arkitShape(name))]] : [])));
}

/**
 * Weights of the presets; those of the vowels add up to 1 at most, as avatars expect it.
 * @param {ArrayLike<number>} weights 52
 * @returns {Record<string, number>}
 */
export function presetWeights(weights) {
  const of = (/** @type {string} */ name) => weights[PLACE[name]];
  const both = (/** @type {string} */ name) => (of(`${name}Left`) + of(`${name}Right`)) / 2;
  const open = share(of("jawOpen"));
  const round = share(Math.max(of("mouthPucker"), of("mouthFunnel")));
  const spread = share(Math.max(both("mouthStretch"), both("mouthSmile")));
  const bare = share(both("mouthLowerDown"));
  const closedFlat = (1 - open) * (1 - round);
  return {
    aa: open * (1 - round),
    oh: open * round,
    ou: (1 - open) * round,
    ee: closedFlat * spread,
    ih: closedFlat * (1 - spread) * bare,
    blinkLeft: of("eyeBlinkLeft"),
    blinkRight: of("eyeBlinkRight"),
  };
}

/**
 * Where the eyes look: degrees to the character's left, and down.
 * @param {ArrayLike<number>} weights 52
 */
export function glance(weights) {
  const of = (/** @type {string} */ name) => weights[PLACE[name]];
  const left = of("eyeLookOutLeft") + of("eyeLookInRight") - of("eyeLookInLeft") - of("eyeLookOutRight");
  const down = of("eyeLookDownLeft") + of("eyeLookDownRight") - of("eyeLookUpLeft") - of("eyeLookUpRight");
  return { yaw: (left / 2) * FULL_GLANCE_DEG, pitch: (down / 2) * FULL_GLANCE_DEG };
}

/** @param {number} weight */
function share(weight) {
  return Math.min(weight / FULL, 1);
}
