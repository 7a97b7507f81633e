/** Which sound can be used; the limits and the words of the Python package. */
import { UserError } from "../errors.js";
import { SAMPLE_RATE_HZ } from "./bundle_card.js";

const MIN_DURATION_S = 0.1;
/** A recording whose samples all stay under this (-80 dBFS) is silent. */
export const SILENCE_PEAK = 1e-4;
const CLIPPED_LEVEL = 0.999;
const MAX_CLIPPED_SHARE = 0.01;
/** A recording may be up to 30 dB above full scale; more is no sound whose full scale is 1. */
const MAX_PEAK = 32;

/**
 * Refuses what no network can hear.
 *
 * @param {Float32Array} samples @param {string} [name]
 */
export function checkSamples(samples, name = "the sound") {
  const wrong = samples.findIndex((value) => !(Math.abs(value) <= MAX_PEAK));
  if (wrong >= 0) {
    const [at, value] = [(wrong / SAMPLE_RATE_HZ).toFixed(3), samples[wrong]];
    throw new UserError(
      Number.isFinite(value)
        ? `${name}: the sample at ${at} s is ${value.toPrecision(4)}, where full scale is 1: scale the recording to it`
        : `${name}: the sample at ${at} s is not a finite number: export it again`,
    );
  }
  const durationS = samples.length / SAMPLE_RATE_HZ;
  if (durationS < MIN_DURATION_S) {
    throw new UserError(
      `${name}: lasts ${Number(durationS.toPrecision(4))} s: pass a recording of at least ${MIN_DURATION_S} s`,
    );
  }
}

/**
 * Refuses also what is silent; tells of what is clipped.
 *
 * @param {Float32Array} samples @param {string} name @param {(note: string) => void} [onnote]
 */
export function checkRecording(samples, name, onnote) {
  checkSamples(samples, name);
  const peak = samples.reduce((highest, value) => Math.max(highest, Math.abs(value)), 0);
  if (peak < SILENCE_PEAK) {
    const level = peak > 0 ? `peak ${Math.round(20 * Math.log10(peak))} dBFS` : "every sample is 0";
    throw new UserError(`${name}: is silent (${level}): record it again`);
  }
  const clipped = samples.reduce((count, value) => count + (Math.abs(value) >= CLIPPED_LEVEL ? 1 : 0), 0);
  const share = clipped / samples.length;
  if (share > MAX_CLIPPED_SHARE) {
    onnote?.(`${name}: ${Math.round(100 * share)} % of the samples are clipped: the mouth may open too far`);
  }
}
