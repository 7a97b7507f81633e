/** Speech and a face in, moving landmarks out, for whole recordings; as inference/generator.py. Runs anywhere. */
import { expressionLayer } from "../emotion/expression.js";
import { UserError } from "../errors.js";
import { RecordingCard, SAMPLE_RATE_HZ, SILENT_SAMPLES } from "./bundle_card.js";
import { readDelivery } from "./delivery.js";
import { motionScaler } from "./expressiveness.js";
import { atRate } from "./frame_rate.js";
import { checkFace } from "./identity.js";
import { FACE_SIZE, frameCount, unitFrame } from "./landmarks.js";
import { checkSamples } from "./sound_check.js";
import { Joiner, cut } from "./windows.js";

/** The shortest sound that a network takes. */
const MIN_SAMPLES = 1600;

/**
 * @typedef {import("./bundle_card.js").SessionLike} SessionLike
 * @typedef {import("../types.js").LandmarkSequence} LandmarkSequence
 * @typedef {(doneS: number, allS: number) => void | Promise<void>} Progress
 * @typedef {import("./delivery.js").DeliveryOptions & { onprogress?: Progress, signal?: AbortSignal }} RecordingOptions
 */

/** A network that animates a face with a whole recording. */
export class Recording {
  /** @param {SessionLike} session */
  constructor(session) {
    this.session = session;
    this.card = new RecordingCard(session);
  }

  /**
   * The landmarks of a face that says the samples: frame t shows it at t / fps, the last partial one too.
   *
   * @param {Float32Array} samples 16 kHz, mono
   * @param {ArrayLike<number>} identity points, pixels of the portrait
   * @param {RecordingOptions} [options] a promise that `onprogress` returns is awaited, so that others have their turn
   * @returns {Promise<LandmarkSequence>}
   */
  async generate(samples, identity, { onprogress, signal, ...wishes } = {}) {
    const delivery = readDelivery(wishes);
    checkSamples(samples);
    const [place, animate] = await this.#animation(identity, delivery);
    const allS = samples.length / SAMPLE_RATE_HZ;
    const frames = new Float32Array(this.card.frames(samples.length) * FACE_SIZE);
    const joiner = new Joiner(this.card.hopFrames, this.card.overlapFrames);
    const windows = [...cut(samples, this.card.windowSamples, this.card.hopSamples)];
    let done = 0;
    for (const [number, window] of windows.entries()) {
      signal?.throwIfAborted();
      const piece = joiner.add(await animate.run(window), number === windows.length - 1);
      frames.set(place(animate.show(piece)), done);
      done += piece.length;
      await onprogress?.(Math.min(allS, done / FACE_SIZE / this.card.fps), allS);
    }
    const { fps, leadMs } = delivery;
    const points = atRate(frames, this.card.fps, fps, frameCount(allS, fps), leadMs / 1000);
    return { points, fps, firstFrame: 0, model: this.card.modelId };
  }

  /**
   * What runs and shapes the motion of a face, in the unit frame, and what puts it back into the picture.
   *
   * @param {ArrayLike<number>} identity @param {import("./delivery.js").Delivery} delivery
   */
  async #animation(identity, { labels, expressiveness }) {
    checkFace(identity);
    const toUnit = unitFrame(identity);
    const face = toUnit.apply(identity);
    const run = (/** @type {Float32Array} */ samples) => this.#run(samples, face, labels);
    const express = await motionScaler(() => run(new Float32Array(SILENT_SAMPLES)), expressiveness);
    const emote = expressionLayer(face, labels, this.card.emotions);
    const back = toUnit.inverse();
    const show = (/** @type {Float32Array} */ frames) => emote(express(frames));
    return /** @type {const} */ ([(/** @type {Float32Array} */ frames) => back.apply(frames), { run, show }]);
  }

  /** @param {Float32Array} samples one window @param {Float32Array} face @param {[number, number]} labels */
  async #run(samples, face, labels) {
    const heard = new Float32Array(Math.max(samples.length, MIN_SAMPLES));
    heard.set(samples);
    const { landmarks } = await this.session.run({
      samples: { type: "float32", data: heard, dims: [1, heard.length] },
      identity: { type: "float32", data: face, dims: [1, FACE_SIZE / 2, 2] },
      emotion: { type: "int64", data: BigInt64Array.from(labels, BigInt), dims: [1, 2] },
    });
    const size = this.card.frames(samples.length) * FACE_SIZE;
    return checkFrames(/** @type {Float32Array} */ (landmarks.data).slice(0, size), size);
  }
}

/** Frames of a network if they are landmarks. @param {Float32Array} frames @param {number} size */
export function checkFrames(frames, size) {
  if (frames.length !== size || !frames.every(Number.isFinite)) {
    throw new UserError("The network gave no landmarks for this sound: load the page again.");
  }
  return frames;
}
