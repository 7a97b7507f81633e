/** A sound that is heard while its face is seen. */

import { SAMPLE_RATE_HZ } from "../speech/bundle_card.js";
import { Timeline } from "./timeline.js";

/** @typedef {import("../types.js").Points} Points */

const LEAD_S = 0.08;

export class Playback {
  /**
   * To be made while a key or a finger is down: only then browsers let a page be heard.
   * @param {() => void} onend
   */
  constructor(onend) {
    this._context = new AudioContext({ latencyHint: "interactive" });
    this._onend = onend;
  }

  /**
   * @param {Float32Array} samples 16 kHz
   * @param {import("../types.js").LandmarkSequence} sequence
   */
  async start(samples, sequence) {
    this._timeline = new Timeline(sequence.fps);
    this._timeline.add({ ...sequence, firstFrame: 0 });
    await this._context.resume();
    const buffer = this._context.createBuffer(1, samples.length, SAMPLE_RATE_HZ);
    buffer.copyToChannel(Float32Array.from(samples), 0);
    this._source = new AudioBufferSourceNode(this._context, { buffer });
    this._source.connect(this._context.destination);
    this._startS = this._context.currentTime + LEAD_S;
    this._source.onended = () => this._onend();
    this._source.start(this._startS);
  }

  /** Seconds of the sound that are heard now; negative before it begins. */
  get timeS() {
    if (this._startS === undefined) return -1;
    return this._context.currentTime - (this._context.outputLatency || 0) - this._startS;
  }

  /** The face now; null before the first. @returns {Points | null} */
  face() {
    return this._timeline?.at(this.timeS) ?? null;
  }

  stop() {
    if (this._source) this._source.onended = null;
    return this._context.close();
  }
}
