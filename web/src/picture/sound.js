/** Sound for films. */

import { SAMPLE_RATE_HZ } from "../speech/bundle_card.js";

/**
 * Samples that can be started, and are heard at a place.
 *
 * @param {BaseAudioContext} context
 * @param {Float32Array} samples 16 kHz
 * @param {AudioNode} place
 */
export function soundSource(context, samples, place) {
  const source = context.createBufferSource();
  source.buffer = context.createBuffer(1, Math.max(1, samples.length), SAMPLE_RATE_HZ);
  source.buffer.copyToChannel(new Float32Array(samples), 0);
  source.connect(place);
  return source;
}

/**
 * Silence, without which a recorder waits for the first sound.
 *
 * @param {BaseAudioContext} context
 * @param {AudioNode} place
 */
export function silence(context, place) {
  const source = new ConstantSourceNode(context, { offset: 0 });
  source.connect(place);
  return source;
}
