/** What a model for recordings and a model for streams say about themselves. */
import { UserError } from "../errors.js";
import { frameCount } from "./landmarks.js";
import { greatestDivisor } from "./sound_resampler.js";

export const SAMPLE_RATE_HZ = 16_000;
/** What a network for streams takes at a time: 100 ms. */
export const BLOCK_SAMPLES = 1600;
/** Silence in which a face comes to rest. */
export const SILENT_SAMPLES = SAMPLE_RATE_HZ;
const BUNDLE_FORMAT = "1";
const STREAM_KIND = "live";

/**
 * What runs a network: feeds by name in, outputs by name out.
 *
 * @typedef {object} SessionLike
 * @property {Record<string, string>} metadata
 * @property {Map<string, number[]>} inputs name -> shape, -1 where it is free, in order
 * @property {(feeds: Record<string, TensorLike>) => Promise<Record<string, TensorLike>>} run
 *
 * @typedef {{ type: string, data: any, dims: readonly number[] }} TensorLike
 */

export class RecordingCard {
  /** @param {SessionLike} session */
  constructor({ metadata }) {
    checkFormat(metadata, undefined);
    this.modelId = metadata.model_id;
    this.fps = Number(metadata.fps);
    this.emotions = trainedEmotions(metadata);
    const step = SAMPLE_RATE_HZ / greatestDivisor(SAMPLE_RATE_HZ, this.fps);
    /** @param {number} durationS whole samples and whole frames */
    const whole = (durationS) => Math.floor(Math.round(durationS * SAMPLE_RATE_HZ) / step) * step;
    this.windowSamples = whole(Number(metadata.window_s));
    this.hopSamples = this.windowSamples - whole(2 * Number(metadata.context_s));
    this.hopFrames = this.frames(this.hopSamples);
    this.overlapFrames = this.frames(this.windowSamples - this.hopSamples);
    if (!(this.hopSamples > 0)) {
      throw damaged(`window_s ${metadata.window_s} and context_s ${metadata.context_s} do not fit`);
    }
  }

  /** How many frames show so many samples, the last partial one too. @param {number} samples */
  frames(samples) {
    return frameCount(samples / SAMPLE_RATE_HZ, this.fps);
  }
}

export class StreamCard {
  /** @param {SessionLike} session */
  constructor({ metadata }) {
    checkFormat(metadata, STREAM_KIND);
    this.modelId = metadata.model_id;
    this.fps = Number(metadata.fps);
    this.emotions = trainedEmotions(metadata);
    this.samplesBefore = Number(metadata.samples_before);
    this.windowSamples = this.samplesBefore + Number(metadata.look_ahead_samples);
    /** Seconds of sound after a frame's instant that the network is given before it gives the frame, at most. */
    this.lookAheadS = Number(metadata.look_ahead_samples) / SAMPLE_RATE_HZ;
    /** The same of an instant between two frames. */
    this.latestS = this.lookAheadS + 1 / this.fps;
    this.blockFrames = (this.fps * BLOCK_SAMPLES) / SAMPLE_RATE_HZ;
    if (!Number.isInteger(this.blockFrames) || !(this.windowSamples >= BLOCK_SAMPLES)) {
      throw damaged(`fps ${metadata.fps}, look_ahead_samples ${metadata.look_ahead_samples}`);
    }
  }
}

/** @param {Record<string, string>} metadata @param {string | undefined} kind */
function checkFormat(metadata, kind) {
  if (metadata.kfusion_format !== BUNDLE_FORMAT || metadata.kind !== kind) {
    throw damaged(`format ${metadata.kfusion_format}, kind ${metadata.kind ?? "recordings"}`);
  }
}

/** @param {Record<string, string>} metadata */
function trainedEmotions({ emotions }) {
  return emotions.split(",").filter(Boolean);
}

/** @param {string} what */
function damaged(what) {
  return new UserError(`The model file is damaged or of another version (${what}): load the page again.`);
}
