/** The face from which motion is counted: the same person's, with the mouth closed. */

import { UserError } from "../errors.js";
import { FACE_SIZE } from "../speech/landmarks.js";
import { rounded } from "./rounding.js";
import { opening, withoutHeadMotion } from "./plane.js";

/** How much silence a model is given to show its resting face; its first frames settle. */
export const SILENCE_S = 2;
/** Of the frames of a recording, those with the smallest mouth opening. */
const CLOSED_SHARE = 0.05;

/**
 * The resting face that a model shows when it is given `SILENCE_S` of silence.
 * @param {Float32Array} points what it made of it, frames x 136
 * @returns {Float32Array}
 */
export function faceInSilence(points) {
  const count = points.length / FACE_SIZE;
  return meanFace(framesOf(points).slice(Math.floor(count / 2)));
}

/**
 * The mean of the frames of a recording with the smallest mouth opening, head motion removed.
 * @param {Float32Array} points frames x 136
 * @returns {Float32Array}
 */
export function mostClosedFace(points) {
  const frames = framesOf(points);
  if (!frames.length) throw new UserError("the landmark sequence holds 0 frames: pass at least one");
  const still = frames.map((frame) => withoutHeadMotion(frame, frames[0]));
  const ordered = still.map((frame) => ({ frame, open: Math.fround(opening(frame)) })).sort((a, b) => a.open - b.open);
  const count = Math.max(1, rounded(CLOSED_SHARE * frames.length));
  return meanFace(ordered.slice(0, count).map(({ frame }) => frame));
}

/** @param {Float32Array} points */
export function framesOf(points) {
  const count = points.length / FACE_SIZE;
  return Array.from({ length: count }, (_, t) => points.subarray(t * FACE_SIZE, (t + 1) * FACE_SIZE));
}

/** @param {Float32Array[]} frames */
function meanFace(frames) {
  return Float32Array.from(frames[0], (_, at) => frames.reduce((total, frame) => total + frame[at], 0) / frames.length);
}
