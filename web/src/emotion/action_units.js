/**
 * What each emotion does to a face, in action units, and those in ARKit's shapes; as emotion/action_units.py, where the
 * sources stand (EMFACS; Du, Tao and Martinez 2014).
 */

/** The categories of MEAD. */
export const EMOTIONS = ["angry", "contempt", "disgusted", "fear", "happy", "neutral", "sad", "surprised"];
export const INTENSITIES = [1, 2, 3];

/**
 * Unit of the Facial Action Coding System -> shape, of both sides where it has sides -> its weight at the most.
 *
 * @type {Record<number, Record<string, number>>}
 */
const ACTION_UNITS = {
  1: { browInnerUp: 1 },
  2: { browOuterUp: 1 },
  4: { browDown: 1 },
  5: { eyeWide: 1 },
  6: { cheekSquint: 1 },
  7: { eyeSquint: 1 },
  9: { noseSneer: 1, browDown: 0.5, eyeSquint: 0.5 },
  10: { mouthUpperUp: 1 },
  12: { mouthSmile: 1 },
  14: { mouthDimple: 1 },
  15: { mouthFrown: 1 },
  16: { mouthLowerDown: 1 },
  20: { mouthStretch: 1 },
  23: { mouthRollLower: 0.4, mouthRollUpper: 0.4 },
  25: { mouthLowerDown: 0.4, mouthUpperUp: 0.2 },
  26: { jawOpen: 0.3 },
};
const SIDED = new Set([
  ...["browOuterUp", "browDown", "eyeWide", "cheekSquint", "eyeSquint", "noseSneer"],
  ...["UpperUp", "Smile", "Dimple", "Frown", "Stretch", "LowerDown"].map((name) => `mouth${name}`),
]);
/** @type {Record<string, Record<number, number>>} */
const PROTOTYPES = {
  angry: { 4: 1, 5: 1, 7: 1, 10: 0.26, 23: 0.29, 25: 1 },
  contempt: { 12: 1, 14: 1 },
  disgusted: { 4: 0.31, 9: 1, 10: 1, 16: 1, 25: 1 },
  fear: { 1: 1, 2: 0.57, 4: 1, 5: 0.63, 20: 1, 25: 1, 26: 0.33 },
  happy: { 6: 0.51, 12: 1, 25: 1 },
  neutral: {},
  sad: { 1: 0.6, 4: 1, 6: 0.5, 15: 1 },
  surprised: { 1: 1, 2: 1, 5: 0.66, 25: 1, 26: 1 },
};
/** Emotions that show on one side of the face, the character's. @type {Record<string, string[]>} */
const ONE_SIDED = { contempt: ["Right"] };
/** Share of the most that a unit does, by intensity. @type {Record<number, number>} */
const STRENGTH = { 1: 0.35, 2: 0.6, 3: 0.85 };
const USUAL_INTENSITY = 2;

/**
 * The ARKit weights of a face that shows an emotion and says nothing; 2 where no intensity is given.
 *
 * @param {string} emotion one of `EMOTIONS`
 * @param {number | null} [intensity]
 * @returns {Record<string, number>}
 */
export function emotionWeights(emotion, intensity = null) {
  const strength = STRENGTH[intensity || USUAL_INTENSITY];
  /** @type {Record<string, number>} */
  const weights = {};
  for (const [unit, amount] of Object.entries(PROTOTYPES[emotion])) {
    for (const [shape, weight] of Object.entries(ACTION_UNITS[Number(unit)])) {
      for (const name of sides(shape, emotion)) {
        weights[name] = Math.min(1, (weights[name] ?? 0) + strength * amount * weight);
      }
    }
  }
  return weights;
}

/** @param {string} shape @param {string} emotion @returns {string[]} */
function sides(shape, emotion) {
  return SIDED.has(shape) ? (ONE_SIDED[emotion] ?? ["Left", "Right"]).map((side) => `${shape}${side}`) : [shape];
}
