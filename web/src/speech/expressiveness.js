/**
 * How much a face moves: its motion about the face at rest, scaled frame by frame, with lips that close kept closed; as
 * inference/expressiveness.py.
 */
import { CLOSED, FACE_SIZE } from "./landmarks.js";

const [INNER_UPPER, INNER_LOWER] = [
  [61, 62, 63],
  [67, 66, 65],
];
/** The outer points that go with the inner ones, in the same order. */
const [OUTER_UPPER, OUTER_LOWER] = [
  [50, 51, 52],
  [58, 57, 56],
];

/**
 * Faces that move `amount` times as much about the face at rest; all in the unit frame.
 *
 * @param {Float32Array} frames @param {Float32Array} rest one face @param {number} amount
 */
export function scaleMotion(frames, rest, amount) {
  const scaled = frames.map((value, place) => rest[place % FACE_SIZE] + amount * (value - rest[place % FACE_SIZE]));
  for (let from = 0; from < frames.length; from += FACE_SIZE) {
    INNER_UPPER.forEach((_, pair) => scaleLips(frames, scaled, from, pair, amount));
  }
  return scaled;
}

/**
 * What scales motion by `amount`; `silent` gives frames of silence, asked for only where they are needed.
 *
 * @param {() => Promise<Float32Array>} silent @param {number} amount
 * @returns {Promise<(frames: Float32Array) => Float32Array>}
 */
export async function motionScaler(silent, amount) {
  if (amount === 1) {
    return (frames) => frames;
  }
  const rest = medianFace(await silent());
  return (frames) => scaleMotion(frames, rest, amount);
}

/**
 * Opens one pair of lip points about the closed mouth: lips that cross are brought together, and above 1 only what is
 * open beyond `CLOSED` is scaled.
 *
 * @param {Float32Array} frames @param {Float32Array} scaled is changed @param {number} from where the face begins
 * @param {number} pair @param {number} amount
 */
function scaleLips(frames, scaled, from, pair, amount) {
  const [upper, lower] = [from + 2 * INNER_UPPER[pair], from + 2 * INNER_LOWER[pair]];
  const apart = [frames[lower] - frames[upper], frames[lower + 1] - frames[upper + 1]];
  const gain = apart[1] < 0 ? 0 : lipGain(Math.hypot(...apart), amount);
  for (const axis of [0, 1]) {
    const missing = (apart[axis] * gain - (scaled[lower + axis] - scaled[upper + axis])) / 2;
    for (const [points, sign] of /** @type {const} */ ([
      [[INNER_LOWER[pair], OUTER_LOWER[pair]], 1],
      [[INNER_UPPER[pair], OUTER_UPPER[pair]], -1],
    ])) {
      points.forEach((point) => (scaled[from + 2 * point + axis] += sign * missing));
    }
  }
}

/** @param {number} gap @param {number} amount */
function lipGain(gap, amount) {
  return amount < 1 ? amount : 1 + (amount - 1) * Math.max(1 - CLOSED / Math.max(gap, CLOSED), 0);
}

/** The median of every coordinate over all frames. @param {Float32Array} frames */
export function medianFace(frames) {
  const count = frames.length / FACE_SIZE;
  return Float32Array.from({ length: FACE_SIZE }, (_, place) => {
    const values = Float32Array.from({ length: count }, (__, frame) => frames[frame * FACE_SIZE + place]).sort();
    return (values[(count - 1) >> 1] + values[count >> 1]) / 2;
  });
}
