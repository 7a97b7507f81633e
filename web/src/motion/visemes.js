/**
 * Visemes with times from sound alone, as src/kfusion/motion/visemes.py tells them: which of the 15 mouths of OVR and
 * OpenXR is seen when. Pure: the network is whatever runs it.
 */

import { BLOCK_SAMPLES, SAMPLE_RATE_HZ } from "../speech/bundle_card.js";
import { rounded } from "./rounding.js";

/** In the order of OpenXR, which spells the last three ih, oh, ou. */
// prettier-ignore
export const VISEMES = ["sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U"];
export const STEP_HZ = 50;
const BLOCK_STEPS = (BLOCK_SAMPLES * STEP_HZ) / SAMPLE_RATE_HZ;
/** What the path through the visemes pays for each change, in log-odds: shorter flickers are none. */
const CHANGE_COST = 2;
const LEAST = Math.fround(1e-6);
const COUNT = VISEMES.length;

/**
 * @typedef {object} Cue A stretch of time with one mouth.
 * @property {number} startS
 * @property {number} endS
 * @property {string} viseme
 *
 * @typedef {object} VisemeTrack What the mouth does through a recording.
 * @property {string[]} names of the columns of `weights`
 * @property {Float32Array} weights steps x 15, each row adds up to 1: step i stands at i / 50 s
 * @property {Cue[]} events the visemes one after the other: they touch, from 0 to the end of the sound
 * @property {number} durationS
 *
 * @typedef {{ type: string, data: any, dims: readonly number[] }} Tensor
 *
 * @typedef {object} Session What runs the network: feeds by name in, outputs by name out.
 * @property {Record<string, string>} metadata
 * @property {Map<string, number[]>} inputs name -> shape, in order
 * @property {(feeds: Record<string, Tensor>) => Promise<Record<string, Tensor>>} run
 */

/**
 * The visemes of a recording.
 * @param {Session} session
 * @param {Float32Array} samples mono at 16 kHz, full scale 1
 * @param {{ onprogress?: (share: number) => unknown, signal?: AbortSignal }} [options] a promise of `onprogress` is
 *   waited for
 * @returns {Promise<VisemeTrack>}
 */
export async function readVisemes(session, samples, { onprogress, signal } = {}) {
  const steps = Math.ceil((samples.length * STEP_HZ) / SAMPLE_RATE_HZ);
  const blocks = Math.ceil(steps / BLOCK_STEPS);
  const before = Number(session.metadata.samples_before);
  const window = before + Number(session.metadata.look_ahead_samples);
  const weights = new Float32Array(blocks * BLOCK_STEPS * COUNT);
  let states = zeroStates(session.inputs);
  for (let block = 0; block < blocks; block++) {
    signal?.throwIfAborted();
    const heard = piece(samples, block * BLOCK_SAMPLES - before, window);
    const found = await session.run({ samples: { type: "float32", data: heard, dims: [1, window] }, ...states });
    weights.set(found.visemes.data, block * BLOCK_STEPS * COUNT);
    states = Object.fromEntries(Object.keys(states).map((name) => [name, found[name.replace("past", "kept")]]));
    await onprogress?.((block + 1) / blocks);
  }
  return trackOf(weights.slice(0, steps * COUNT), samples.length / SAMPLE_RATE_HZ);
}

/**
 * @param {Float32Array} weights steps x 15
 * @param {number} durationS
 * @returns {VisemeTrack}
 */
export function trackOf(weights, durationS) {
  return { names: VISEMES, weights, events: cuesOf(weights, durationS), durationS };
}

/**
 * The same, shown so much before the sound, or after it where below 0; both ends are held.
 * @param {VisemeTrack} track
 * @param {number} leadMs
 * @returns {VisemeTrack}
 */
export function earlier({ weights, durationS }, leadMs) {
  const last = weights.length / COUNT - 1;
  const places = Array.from({ length: last + 1 }, (_, step) => clipped(step + (leadMs * STEP_HZ) / 1000, 0, last));
  return trackOf(between(weights, places), durationS);
}

/**
 * Frame t shows the mouth at t / fps, as many frames as landmarks of this sound have: frames x 15.
 * @param {VisemeTrack} track
 * @param {number} fps
 */
export function visemesAt({ weights, durationS }, fps) {
  const last = weights.length / COUNT - 1;
  const count = Math.ceil(rounded(durationS * fps * 1e6) / 1e6);
  const places = Array.from({ length: count }, (_, t) => Math.min((t / fps) * STEP_HZ, last));
  return between(weights, places);
}

/** @param {Float32Array} weights @param {number[]} places */
function between(weights, places) {
  const last = weights.length / COUNT - 1;
  const mixed = new Float32Array(places.length * COUNT);
  places.forEach((place, row) => {
    const before = Math.floor(place);
    const after = Math.min(before + 1, last);
    const share = Math.fround(place - before);
    for (let viseme = 0; viseme < COUNT; viseme++) {
      const [here, there] = [weights[before * COUNT + viseme], weights[after * COUNT + viseme]];
      mixed[row * COUNT + viseme] = here * (1 - share) + there * share;
    }
  });
  return mixed;
}

/**
 * @param {Float32Array} weights
 * @param {number} durationS
 * @returns {Cue[]}
 */
function cuesOf(weights, durationS) {
  if (!weights.length) return [];
  const path = bestPath(weights.map((one) => Math.log(Math.max(one, LEAST))));
  const changes = path.flatMap((viseme, step) => (step && viseme !== path[step - 1] ? [step] : []));
  const edges = changes.map((step) => (step - 1 + 0.5) / STEP_HZ).filter((edge) => edge < durationS);
  const names = [0, ...changes].map((step) => VISEMES[path[step]]);
  const ends = [...edges, durationS];
  return ends.map((endS, number) => ({ startS: number ? edges[number - 1] : 0, endS, viseme: names[number] }));
}

/**
 * The most likely class of every step, where each change costs `CHANGE_COST` (Viterbi).
 * @param {Float32Array} odds steps x 15
 */
function bestPath(odds) {
  const count = odds.length / COUNT;
  const cameFrom = new Uint8Array(odds.length);
  let score = odds.slice(0, COUNT);
  for (let step = 1; step < count; step++) {
    const best = score.indexOf(Math.max(...score));
    const changed = Math.fround(score[best] - CHANGE_COST);
    score = score.map((kept, viseme) => {
      const changes = changed > kept;
      cameFrom[step * COUNT + viseme] = changes ? best : viseme;
      return Math.fround(changes ? changed : kept) + odds[step * COUNT + viseme];
    });
  }
  const path = Array(count).fill(score.indexOf(Math.max(...score)));
  for (let step = count - 1; step > 0; step--) path[step - 1] = cameFrom[step * COUNT + path[step]];
  return path;
}

/**
 * Samples from `start` on, silence where there are none.
 * @param {Float32Array} samples
 * @param {number} start
 * @param {number} count
 */
function piece(samples, start, count) {
  const heard = new Float32Array(count);
  heard.set(samples.subarray(Math.max(start, 0), Math.max(start + count, 0)), Math.max(-start, 0));
  return heard;
}

/**
 * What a network remembers before anything was said.
 * @param {Map<string, number[]>} inputs
 * @returns {Record<string, Tensor>}
 */
function zeroStates(inputs) {
  const states = [...inputs].filter(([name]) => name !== "samples");
  const zeros = (/** @type {number[]} */ dims) => new Float32Array(dims.reduce((product, one) => product * one, 1));
  return Object.fromEntries(states.map(([name, dims]) => [name, { type: "float32", data: zeros(dims), dims }]));
}

/** @param {number} value @param {number} low @param {number} high */
function clipped(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
