/** The face from which motion is counted: what the weights make of silence, as in Python. */

import { SILENCE_S, faceInSilence } from "../motion/index.js";
import { SAMPLE_RATE_HZ } from "../speech/bundle_card.js";
import { Timeline } from "./timeline.js";

/** @typedef {import("../types.js").Points} Points */
/** @typedef {ReturnType<typeof import("./options.js").options>} Options */

const silence = () => new Float32Array(SAMPLE_RATE_HZ * SILENCE_S);

/**
 * @param {import("../speech/index.js").RecordingEngine} engine
 * @param {Points} identity
 * @param {Options} options
 */
export async function restOfRecordings(engine, identity, options) {
  const { points } = await engine.generate(silence(), identity, options);
  return faceInSilence(points);
}

/**
 * @param {import("../speech/index.js").StreamEngine} engine
 * @param {Points} identity
 * @param {Options} options
 */
export async function restOfStreams(engine, identity, options) {
  const timeline = new Timeline(options.fps);
  const stream = engine.start(identity, options);
  stream.onframes = (sequence) => timeline.add(sequence);
  stream.onerror = () => {}; // flush tells
  stream.push(silence());
  await stream.flush();
  return faceInSilence(timeline.sequence("").points);
}
