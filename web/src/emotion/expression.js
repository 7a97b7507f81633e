/**
 * An emotion on a face that speaks, by rule: the displacements of its action units, added frame by frame; as
 * emotion/expression.py.
 *
 * What opens the mouth is added as far as speech has it open, and what moves the lids as far as they are: lips that are
 * closed stay closed, and so do eyes. The lips of both rows move together otherwise.
 */
import { shapeDirections, toMeanFace } from "../motion/face_shapes.js";
import { FACE_SIZE, eased } from "../speech/landmarks.js";
import { EMOTIONS, emotionWeights } from "./action_units.js";

const NEUTRAL = "neutral";
/** Inner lips this near to each other, in eye distances, are closed. */
const CLOSED = 0.012;
/** Inner lips this far apart take all of what an emotion opens. */
const FULLY_OPEN = 0.1;
const JAW = 17;
/** Points of the lips, and those that meet them when the mouth shuts. */
const UPPER = [49, 50, 51, 52, 53, 61, 62, 63];
const LOWER = [59, 58, 57, 56, 55, 67, 66, 65];
const [INNER_UPPER, INNER_LOWER] = [
  [61, 62, 63],
  [67, 66, 65],
];
/** Of each eye: its first point, the upper lids and the lower lids that meet them. */
const EYES = [
  { first: 36, upper: [37, 38], lower: [41, 40] },
  { first: 42, upper: [43, 44], lower: [47, 46] },
];
const EYE_POINTS = 6;

/**
 * What adds an emotion to frames of a face; the same frames where there is none to add.
 *
 * @param {Float32Array} face who speaks, unit frame, as the frames
 * @param {[number, number]} labels emotion and intensity, 0 for unknown
 * @param {string[]} learnt the emotions that the model was trained with, which are its own matter
 * @returns {(frames: Float32Array) => Float32Array}
 */
export function expressionLayer(face, [number, intensity], learnt) {
  const emotion = EMOTIONS[number - 1];
  if (number === 0 || emotion === NEUTRAL || learnt.includes(emotion)) {
    return (frames) => frames;
  }
  const moved = expressionDisplacement(face, emotion, intensity || null);
  const openEyes = EYES.map((eye) => eyeOpening(face, eye));
  return (frames) => {
    const shown = new Float32Array(frames.length);
    for (let from = 0; from < frames.length; from += FACE_SIZE) {
      shown.set(expressed(frames.subarray(from, from + FACE_SIZE), moved, openEyes), from);
    }
    return shown;
  };
}

/**
 * How a silent face, in any frame, moves when it shows an emotion.
 *
 * @param {ArrayLike<number>} face @param {string} emotion
 * @param {number | null} [intensity]
 * @returns {Float64Array}
 */
export function expressionDisplacement(face, emotion, intensity = null) {
  const directions = shapeDirections(face);
  const moved = new Float64Array(FACE_SIZE);
  for (const [name, weight] of Object.entries(emotionWeights(emotion, intensity))) {
    const direction = /** @type {Float64Array} */ (directions.get(name));
    direction.forEach((value, place) => (moved[place] += weight * value));
  }
  const { a, b } = toMeanFace(face);
  const power = a * a + b * b;
  return moved.map((_, place) => {
    const [x, y] = [moved[place & ~1], moved[place | 1]];
    return (place % 2 === 0 ? a * x + b * y : a * y - b * x) / power;
  });
}

/** @param {Float32Array} spoken one face @param {Float64Array} moved @param {number[]} openEyes */
function expressed(spoken, moved, openEyes) {
  const added = moved.slice();
  const opened = eased((parting(spoken) - CLOSED) / (FULLY_OPEN - CLOSED));
  for (const [place, upper] of UPPER.entries()) {
    for (const axis of [0, 1]) {
      const [above, below] = [2 * upper + axis, 2 * LOWER[place] + axis];
      const apart = (1 - opened) * (moved[below] - moved[above]);
      added[above] += apart / 2;
      added[below] -= apart / 2;
    }
  }
  scale(added, 0, JAW, opened);
  EYES.forEach((eye, side) => {
    scale(added, eye.first, EYE_POINTS, Math.min(1, Math.max(0, eyeOpening(spoken, eye) / openEyes[side])));
  });
  return added.map((value, place) => spoken[place] + value);
}

/** @param {Float64Array} added @param {number} first @param {number} count of points @param {number} share */
function scale(added, first, count, share) {
  for (let place = 2 * first; place < 2 * (first + count); place += 1) {
    added[place] *= share;
  }
}

/** How far the inner lips are apart where they are furthest; nothing where they cross. @param {Float32Array} face */
function parting(face) {
  return Math.max(0, ...INNER_LOWER.map((lower, place) => face[2 * lower + 1] - face[2 * INNER_UPPER[place] + 1]));
}

/** How far the lids of an eye are apart. @param {ArrayLike<number>} face @param {{ upper: number[], lower: number[] }} eye */
function eyeOpening(face, { upper, lower }) {
  const heights = upper.map((point, place) => face[2 * lower[place] + 1] - face[2 * point + 1]);
  return Math.max(1e-6, heights.reduce((total, height) => total + height, 0) / heights.length);
}
