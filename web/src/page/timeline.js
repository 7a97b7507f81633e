/** When which face is shown: frames of a stream, how long they are held back, and where its clock begins. Pure. */

import { SAMPLE_RATE_HZ } from "../speech/bundle_card.js";
import { FACE_SIZE } from "../speech/landmarks.js";

/** @typedef {import("../types.js").LandmarkSequence} LandmarkSequence */
/** @typedef {import("../types.js").Points} Points */

/** Frames in their order, and the face at any moment between two of them. */
export class Timeline {
  /** @param {number} fps */
  constructor(fps) {
    this.fps = fps;
    /** @type {Points[]} */
    this.frames = [];
  }

  /** Frames that follow those that are there. @param {LandmarkSequence} sequence */
  add({ points, firstFrame }) {
    if (firstFrame !== this.frames.length)
      throw new Error(`frame ${firstFrame} came where ${this.frames.length} was to come`);
    for (let n = 0; n < points.length; n += FACE_SIZE) this.frames.push(points.slice(n, n + FACE_SIZE));
  }

  /** Seconds from the first frame to the last. */
  get endS() {
    return Math.max(0, this.frames.length - 1) / this.fps;
  }

  /**
   * The face at `timeS`; the last one that there is after that, none before the first.
   * @param {number} timeS
   * @returns {Points | null}
   */
  at(timeS) {
    if (timeS < 0 || !this.frames.length) return null;
    const place = Math.min(timeS * this.fps, this.frames.length - 1);
    const before = Math.floor(place);
    const [from, to] = [this.frames[before], this.frames[Math.min(before + 1, this.frames.length - 1)]];
    const share = place - before;
    return from.map((value, n) => value + share * (to[n] - value));
  }

  /** All frames as one sequence. @param {string} model @returns {LandmarkSequence} */
  sequence(model) {
    const points = new Float32Array(this.frames.length * FACE_SIZE);
    this.frames.forEach((face, t) => points.set(face, t * FACE_SIZE));
    return { points, fps: this.fps, firstFrame: 0, model };
  }
}

/** How long frames are held back so that they come evenly: as long as the latest ones needed. */
export class Delay {
  static MARGIN_S = 0.012;
  static MOST_S = 1;

  /** @param {number} leastS */
  constructor(leastS = 0) {
    this.leastS = leastS;
    this.seconds = leastS;
  }

  /**
   * A frame of `timeS` came at `nowS` of the same clock.
   * @param {number} timeS
   * @param {number} nowS
   */
  note(timeS, nowS) {
    const needed = Math.min(nowS - timeS + Delay.MARGIN_S, Delay.MOST_S);
    this.seconds = Math.max(needed, this.leastS, 0.985 * this.seconds);
  }
}

/** When the first sample was heard, on the clock of the page: pieces of sound come late, never early. */
export class Origin {
  static SLIP = 2e-4;

  seconds = Infinity;
  lastS = -Infinity;

  /**
   * `heardS` seconds of sound were there at `nowS`; slips forward slowly, as two clocks may differ.
   * @param {number} heardS
   * @param {number} nowS
   */
  note(heardS, nowS) {
    const slip = Number.isFinite(this.lastS) ? Origin.SLIP * (nowS - this.lastS) : 0;
    this.seconds = Math.min(this.seconds + slip, nowS - heardS);
    this.lastS = nowS;
  }
}

/** Pieces of sound that grow, up to `mostS` seconds of 16 kHz. */
export class Heard {
  /** @param {number} mostS */
  constructor(mostS) {
    this.most = mostS * SAMPLE_RATE_HZ;
    /** @type {Float32Array[]} */
    this.pieces = [];
    this.count = 0;
  }

  /** @param {Float32Array} samples @returns {boolean} whether there is room for more */
  add(samples) {
    this.pieces.push(samples.slice());
    this.count += samples.length;
    return this.count < this.most;
  }

  get seconds() {
    return this.count / SAMPLE_RATE_HZ;
  }

  get samples() {
    const all = new Float32Array(this.count);
    let place = 0;
    for (const piece of this.pieces) {
      all.set(piece, place);
      place += piece.length;
    }
    return all;
  }
}
