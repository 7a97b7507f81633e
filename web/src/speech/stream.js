/**
 * A streamed voice to landmark frames: the same frames however the sound is cut; as inference/landmark_stream.py. Runs
 * anywhere.
 *
 * The network runs on a fixed grid of blocks of 100 ms. A new run of it starts every 10 s: it listens for 2 s beside the
 * old one, and the frames fade from the old to the new.
 */
import { expressionLayer } from "../emotion/expression.js";
import { UserError } from "../errors.js";
import { joined } from "./arrays.js";
import { BLOCK_SAMPLES, SAMPLE_RATE_HZ, SILENT_SAMPLES, StreamCard } from "./bundle_card.js";
import { readDelivery, streamLeadsMs } from "./delivery.js";
import { motionScaler } from "./expressiveness.js";
import { StreamRate } from "./frame_rate.js";
import { checkFace } from "./identity.js";
import { FACE_SIZE, frameCount, unitFrame } from "./landmarks.js";
import { checkFrames } from "./recording.js";
import { fadeIn } from "./windows.js";

/** A new run starts every 10 s, and two runs are heard for 2 s. */
const [HOP_BLOCKS, OVERLAP_BLOCKS] = [100, 20];
/** What a network for streams takes beside its states. */
const INPUTS = ["samples", "identity", "emotion", "seen"];

/**
 * @typedef {import("./bundle_card.js").SessionLike} SessionLike
 * @typedef {import("./bundle_card.js").TensorLike} TensorLike
 * @typedef {import("../types.js").LandmarkSequence} LandmarkSequence
 */

/** Animates a face with a voice while it speaks; made by `Stream.start`. One call at a time. */
export class Stream {
  #held;
  #heard = 0;
  #ended = false;

  /**
   * @param {StreamCard} card
   * @param {Relay} relay
   * @param {import("./delivery.js").Delivery} delivery
   * @param {(frames: Float32Array) => Float32Array} show from the unit frame to the picture
   */
  constructor(card, relay, { fps, leadMs }, show) {
    this.card = card;
    this.fps = fps;
    this.relay = relay;
    this.show = show;
    this.rate = new StreamRate(card.fps, fps, leadMs / 1000);
    /** Seconds of sound after a frame's instant that must have come before the frame does, at most. */
    this.lookAheadS = Math.max(card.lookAheadS, (this.rate.between ? card.latestS : card.lookAheadS) + leadMs / 1000);
    /** The sound from `samplesBefore` before the next block on. */
    this.#held = new Float32Array(card.samplesBefore);
  }

  /**
   * @param {SessionLike} session
   * @param {ArrayLike<number>} identity points, pixels of the portrait
   * @param {import("./delivery.js").DeliveryOptions} [options]
   */
  static async start(session, identity, options = {}) {
    const card = new StreamCard(session);
    const delivery = readDelivery(options, streamLeadsMs(card));
    checkFace(identity);
    const toUnit = unitFrame(identity);
    const face = toUnit.apply(identity);
    const begin = () => new StreamRun(session, card, face, delivery.labels);
    const express = await motionScaler(() => silentFrames(begin(), card), delivery.expressiveness);
    const emote = expressionLayer(face, delivery.labels, card.emotions);
    const back = toUnit.inverse();
    return new Stream(card, new Relay(begin, card.blockFrames), delivery, (frames) =>
      back.apply(emote(express(frames))),
    );
  }

  /**
   * The frames that became ready, maybe none.
   *
   * @param {Float32Array} samples the next sound, 16 kHz, mono
   * @returns {Promise<LandmarkSequence>}
   */
  async push(samples) {
    this.#checkOpen();
    if (!samples.every(Number.isFinite)) {
      throw new UserError("a sample of the voice is not a finite number: pass sound without NaN");
    }
    this.#heard += samples.length;
    this.#held = joined(this.#held, samples);
    return this.#sequence(this.rate.take(await this.#ready(), this.#frames(this.fps)));
  }

  /** The frames of the sound that is left, the last partial one too. @returns {Promise<LandmarkSequence>} */
  async flush() {
    this.#checkOpen();
    this.#ended = true;
    const missing = this.#frames(this.card.fps) - this.relay.blocks * this.card.blockFrames;
    const blocks = Math.ceil(missing / this.card.blockFrames);
    const needed = blocks ? (blocks - 1) * BLOCK_SAMPLES + this.card.windowSamples : 0;
    this.#held = joined(this.#held, new Float32Array(Math.max(0, needed - this.#held.length)));
    const frames = (await this.#ready()).subarray(0, missing * FACE_SIZE);
    return this.#sequence(this.rate.take(frames, this.#frames(this.fps), true));
  }

  #checkOpen() {
    if (this.#ended) {
      throw new UserError("the stream has ended: start another");
    }
  }

  /** How many frames the sound has until now. @param {number} fps */
  #frames(fps) {
    return frameCount(this.#heard / SAMPLE_RATE_HZ, fps);
  }

  /** The frames, at the model's rate, of every block whose sound is there. */
  async #ready() {
    let frames = new Float32Array(0);
    while (this.#held.length >= this.card.windowSamples) {
      const block = await this.relay.run(this.#held.slice(0, this.card.windowSamples));
      frames = joined(frames, this.show(block));
      this.#held = this.#held.subarray(BLOCK_SAMPLES);
    }
    return frames;
  }

  /** @param {Float32Array} points @returns {LandmarkSequence} */
  #sequence(points) {
    const firstFrame = this.rate.given - points.length / FACE_SIZE;
    return { points, fps: this.fps, firstFrame, model: this.card.modelId };
  }
}

/** Runs of the network that take over from one another. */
class Relay {
  /** How many blocks were given. */
  blocks = 0;
  /** @type {StreamRun[]} */
  #runs = [];

  /** @param {() => StreamRun} begin @param {number} blockFrames */
  constructor(begin, blockFrames) {
    this.begin = begin;
    this.weights = fadeIn(OVERLAP_BLOCKS * blockFrames);
    this.blockFrames = blockFrames;
  }

  /** The next block's frames, unit frame. @param {Float32Array} window */
  async run(window) {
    const place = this.blocks % HOP_BLOCKS;
    if (place === 0) {
      this.#runs.push(this.begin());
    }
    const points = [];
    for (const run of this.#runs) {
      points.push(await run.next(window));
    }
    this.blocks += 1;
    if (place === OVERLAP_BLOCKS - 1 && points.length > 1) {
      this.#runs.shift();
    }
    return points.length === 1 ? points[0] : this.#mixed(points[0], points[1], place * this.blockFrames);
  }

  /** @param {Float32Array} old @param {Float32Array} fresh @param {number} first which of the shared frames it begins with */
  #mixed(old, fresh, first) {
    return old.map((value, place) => {
      const weight = this.weights[first + Math.floor(place / FACE_SIZE)];
      return (1 - weight) * value + weight * fresh[place];
    });
  }
}

/** One voice through a network for streams. */
class StreamRun {
  #seen = 0n;
  /** @type {Record<string, TensorLike>} */
  #states = {};

  /** @param {SessionLike} session @param {StreamCard} card @param {Float32Array} face @param {[number, number]} labels */
  constructor(session, card, face, labels) {
    this.session = session;
    this.card = card;
    this.inputs = {
      identity: { type: "float32", data: face, dims: [1, FACE_SIZE / 2, 2] },
      emotion: { type: "int64", data: BigInt64Array.from(labels, BigInt), dims: [1, 2] },
    };
    for (const [name, dims] of session.inputs) {
      if (!INPUTS.includes(name)) {
        const size = dims.reduce((product, side) => product * side, 1);
        this.#states[name] = { type: "float32", data: new Float32Array(size), dims };
      }
    }
  }

  /** The next block's frames, unit frame. @param {Float32Array} window */
  async next(window) {
    const { landmarks, ...kept } = await this.session.run({
      ...this.inputs,
      ...this.#states,
      samples: { type: "float32", data: window, dims: [1, window.length] },
      seen: { type: "int64", data: BigInt64Array.of(this.#seen), dims: [1] },
    });
    this.#states = Object.fromEntries(
      Object.entries(kept).map(([name, state]) => [name.replace(/^kept_/, "past_"), state]),
    );
    this.#seen += 1n;
    return checkFrames(/** @type {Float32Array} */ (landmarks.data), this.card.blockFrames * FACE_SIZE);
  }
}

/** The frames of a second of silence, unit frame. @param {StreamRun} run @param {StreamCard} card */
async function silentFrames(run, card) {
  const silence = new Float32Array(card.windowSamples);
  let frames = new Float32Array(0);
  for (let block = 0; block < SILENT_SAMPLES / BLOCK_SAMPLES; block += 1) {
    frames = joined(frames, await run.next(silence));
  }
  return frames;
}
