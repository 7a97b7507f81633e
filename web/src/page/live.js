/** A voice from the microphone, and the face that follows it. */

import { openMicrophone } from "../speech/index.js";
import { Delay, Heard, Origin, Timeline } from "./timeline.js";

/** @typedef {import("../types.js").Points} Points */
/** @typedef {import("./takes.js").Take} Take */

const MOST_S = 600;
/** Below this a microphone is taken for mute, after so long. */
const [HUSHED, HUSHED_S] = [1e-4, 2.5];
const nowS = () => performance.now() / 1000;

export class LiveVoice {
  /**
   * @param {import("../speech/index.js").StreamEngine} engine
   * @param {Points} identity
   * @param {{ fps: number, emotion: string | null, intensity: number | null, expressiveness: number }} options
   * @param {{ onlatency: (seconds: number) => void, onend: (error: unknown) => void, onsilence: () => void }} listeners
   */
  constructor(engine, identity, options, { onlatency, onend, onsilence }) {
    this._timeline = new Timeline(options.fps);
    this._delay = new Delay();
    this._origin = new Origin();
    this._heard = new Heard(MOST_S);
    this._loudest = 0;
    this._onlatency = onlatency;
    this._onend = onend;
    this._onsilence = onsilence;
    this._stream = engine.start(identity, options);
    this._stream.onframes = (sequence) => this._take(sequence);
    this._stream.onerror = onend;
    this._ended = false;
    this.model = "";
  }

  /** Ask for the microphone, and listen from then on. */
  async listen() {
    const listeners = { onsamples: (/** @type {Float32Array} */ samples) => this._hear(samples), onend: this._onend };
    try {
      this._microphone = await openMicrophone(listeners);
    } catch (error) {
      this._stream.close();
      throw error;
    }
    if (this._ended) this._microphone.stop(); // while the browser asked
  }

  /** The face now; null before the first. @returns {Points | null} */
  face() {
    return this._timeline.at(nowS() - this._origin.seconds - this._delay.seconds);
  }

  /** End, and hand over what was said. @returns {Promise<Take | null>} null: nothing was */
  async stop() {
    this._ended = true;
    this._microphone?.stop();
    await this._stream.flush();
    if (!this._timeline.frames.length) return null;
    return { name: "voice", samples: this._heard.samples, sequence: this._timeline.sequence(this.model), live: true };
  }

  /** Leave everything. */
  abandon() {
    this._ended = true;
    this._microphone?.stop();
    this._stream.close();
  }

  /** @param {Float32Array} samples */
  _hear(samples) {
    if (this._ended) return;
    const room = this._heard.add(samples);
    this._loudest = samples.reduce((most, value) => Math.max(most, Math.abs(value)), this._loudest);
    if (this._loudest < HUSHED && this._heard.seconds > HUSHED_S) this._tellHush();
    this._origin.note(this._heard.seconds, nowS());
    this._stream.push(samples);
    if (!room) this._onend(null);
  }

  _tellHush() {
    this._loudest = Infinity; // once
    this._onsilence();
  }

  /** @param {import("../types.js").LandmarkSequence} sequence */
  _take(sequence) {
    this.model = sequence.model;
    this._timeline.add(sequence);
    this._delay.note(sequence.firstFrame / sequence.fps, nowS() - this._origin.seconds);
    this._onlatency(this._delay.seconds);
  }
}
