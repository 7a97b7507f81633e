/** What may be asked of the motion, with the limits and the words of the Python package. */
import { EMOTIONS, INTENSITIES } from "../emotion/action_units.js";
import { UserError } from "../errors.js";

/**
 * @typedef {object} DeliveryOptions
 * @property {number} [fps] frames a second, 1 to 240; 30 unless given
 * @property {string | null} [emotion] null for unknown
 * @property {number | null} [intensity] 1, 2 or 3, with an emotion
 * @property {number} [expressiveness] 0 (a face at rest) to 2; 1 as it was learned
 * @property {number} [leadMs] the lips are so much earlier than the sound
 *
 * @typedef {Required<DeliveryOptions> & { labels: [number, number] }} Delivery labels: emotion and intensity as the
 *   networks take them, 0 for unknown
 */

const [MIN_FPS, MAX_FPS] = [1, 240];
/** The lips may be this much earlier or later than the sound. */
const MAX_LEAD_MS = 500;
/** A stream hears no further ahead than this: ITU-T G.114 has 400 ms as the most a conversation may be delayed. */
const MAX_LOOK_AHEAD_S = 0.4;
const MAX_EXPRESSIVENESS = 2;

/**
 * What is asked, with everything said.
 *
 * @param {DeliveryOptions} options
 * @param {[number, number]} [leadsMs] the lowest and the highest lead
 * @returns {Delivery}
 */
export function readDelivery(options, leadsMs = [-MAX_LEAD_MS, MAX_LEAD_MS]) {
  const { fps = 30, emotion = null, intensity = null, expressiveness = 1, leadMs = 0 } = options;
  checkRange("fps", fps, MIN_FPS, MAX_FPS, "frames a second");
  checkRange("the lead", leadMs, leadsMs[0], leadsMs[1], "milliseconds, above 0: lips before the sound");
  checkRange("expressiveness", expressiveness, 0, MAX_EXPRESSIVENESS, "1 is the motion as learned, 0 a face at rest");
  return { fps, emotion, intensity, expressiveness, leadMs, labels: emotionIndex(emotion, intensity) };
}

/** The lowest and the highest lead of a model's streams. @param {{ latestS: number }} card @returns {[number, number]} */
export function streamLeadsMs({ latestS }) {
  return [-MAX_LEAD_MS, Math.max(0, Math.floor(1000 * (MAX_LOOK_AHEAD_S - latestS)))];
}

/** @param {string} what @param {number} value @param {number} low @param {number} high @param {string} meaning */
function checkRange(what, value, low, high, meaning) {
  if (!(value >= low && value <= high)) {
    throw new UserError(`${what} is ${value}: use a number from ${low} to ${high} (${meaning})`);
  }
}

/**
 * Indices for the network: 0 is unknown, then the order of `EMOTIONS` and `INTENSITIES`.
 *
 * @param {string | null} emotion @param {number | null} intensity
 * @returns {[number, number]}
 */
function emotionIndex(emotion, intensity) {
  if (emotion !== null && !EMOTIONS.includes(emotion)) {
    throw new UserError(`unknown emotion '${emotion}': use ${EMOTIONS.join(", ")}`);
  }
  if (intensity !== null && !INTENSITIES.includes(intensity)) {
    throw new UserError(`unknown intensity '${intensity}': use 1, 2 or 3`);
  }
  if (intensity !== null && emotion === null) {
    throw new UserError(`intensity ${intensity} without an emotion: name the emotion too`);
  }
  return [emotion === null ? 0 : 1 + EMOTIONS.indexOf(emotion), intensity ?? 0];
}
