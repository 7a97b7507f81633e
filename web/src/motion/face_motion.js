/** What a moving face becomes for other tools: its landmarks, its ARKit weights and its head. */

import { UserError } from "../errors.js";
import { ArkitSolver } from "./arkit.js";
import { ARKIT_SHAPES } from "./face_shapes.js";
import { HeadReader } from "./head_pose.js";
import { STABLE_POINTS } from "./plane.js";
import { framesOf, mostClosedFace } from "./resting.js";

/** @typedef {import("../types.js").LandmarkSequence} LandmarkSequence */
/** @typedef {import("./head_pose.js").Angles} Angles */

/**
 * @typedef {object} Motion A moving face in numbers that avatars read.
 * @property {LandmarkSequence} sequence the points that the rest was read from
 * @property {Float32Array} weights frames x 52, 0 to 1, in the order of `ARKIT_SHAPES`; left is the character's
 * @property {Float32Array} head frames x 3: yaw, pitch and roll, radians
 */

const MAX_GAIN = 4;
const MAX_COORDINATE = 1e6;

/** Reads the motion of one face from landmarks, frame by frame: of a recording, or of a stream as it comes. */
export class MotionReader {
  /**
   * @param {ArrayLike<number>} rest the face with its mouth closed, in the frame of the landmarks
   * @param {{ gain?: number }} [options] `gain`: what weights are multiplied with before they end at 1
   */
  constructor(rest, { gain = 1 } = {}) {
    if (!(gain > 0 && gain <= MAX_GAIN))
      throw new UserError(`gain is ${gain}: use a number above 0 and up to ${MAX_GAIN}`);
    if (!isFace(rest))
      throw new UserError("the resting face shows no face: its points are not finite, or lie on one another");
    this._solver = new ArkitSolver(rest);
    this._head = new HeadReader(rest);
    this._gain = gain;
  }

  /**
   * The motion of one frame; what other frames show does not matter.
   * @param {ArrayLike<number>} points
   * @returns {{ weights: Float32Array, head: Angles }}
   */
  read(points) {
    const weights = this._solver.solve(points).map((weight) => Math.min(weight * this._gain, 1));
    return { weights, head: this._head.read(points) };
  }
}

/**
 * The motion of a recording.
 * @param {LandmarkSequence} sequence
 * @param {ArrayLike<number> | null} rest the face with its mouth closed; null for the most closed twentieth of the frames
 * @param {{ gain?: number }} [options]
 * @returns {Motion}
 */
export function readMotion(sequence, rest = null, options = {}) {
  const frames = framesOf(sequence.points);
  const bad = frames.findIndex((frame) => !isFace(frame));
  if (bad >= 0) {
    const number = sequence.firstFrame + bad;
    throw new UserError(`frame ${number} does not show a face: its points are not finite, or lie on one another`);
  }
  const reader = new MotionReader(rest ?? mostClosedFace(sequence.points), options);
  const weights = new Float32Array(frames.length * ARKIT_SHAPES.length);
  const head = new Float32Array(frames.length * 3);
  frames.forEach((frame, t) => {
    const read = reader.read(frame);
    weights.set(read.weights, t * ARKIT_SHAPES.length);
    head.set(read.head, t * 3);
  });
  return { sequence, weights, head };
}

/** @param {ArrayLike<number>} points */
function isFace(points) {
  const near = Array.from(points).every((value) => Math.abs(value) <= MAX_COORDINATE);
  const spread = [0, 1].map((axis) => {
    const values = STABLE_POINTS.map((point) => points[2 * point + axis]);
    return Math.max(...values) - Math.min(...values);
  });
  return near && Math.max(...spread) > 0;
}
