/** Landmarks at another frame rate: of whole recordings as landmarks.py, of streams as inference/landmark_stream.py. */
import { rounded } from "../motion/rounding.js";
import { joined } from "./arrays.js";
import { CLOSED, FACE_SIZE, INNER_LIPS, eyeDistance, pointDistance } from "./landmarks.js";

/** Of a frame: products of frame rates are not exact. */
const ROUNDING = 1e-6;

/**
 * A recording's frames at t / fps + lead for t in 0..count-1, linear in between; lips that meet for one frame alone
 * still do.
 *
 * @param {Float32Array} frames @param {number} modelFps @param {number} fps @param {number} count @param {number} leadS
 */
export function atRate(frames, modelFps, fps, count, leadS) {
  if (fps === modelFps && !leadS) {
    return frames.slice(0, count * FACE_SIZE);
  }
  const last = frames.length / FACE_SIZE - 1;
  const places = ontoClosings(frames, modelFps, fps, count, leadS);
  const given = new Float32Array(count * FACE_SIZE);
  places.forEach((place, frame) => blend(frames, Math.min(last, Math.max(0, place)), last, given, frame * FACE_SIZE));
  return given;
}

/**
 * The places, in frames of the model, of the wanted instants; the nearest to each closing of the lips moved onto it.
 *
 * @param {Float32Array} frames @param {number} modelFps @param {number} fps @param {number} count @param {number} leadS
 */
function ontoClosings(frames, modelFps, fps, count, leadS) {
  const step = modelFps / fps;
  const wanted = Float64Array.from({ length: count }, (_, frame) => frame * step + leadS * modelFps);
  if (count < 2) {
    return wanted;
  }
  const moved = wanted.slice();
  for (const closing of closings(frames)) {
    const nearest = rounded((closing - wanted[0]) / step);
    if (nearest >= 0 && nearest < count && Math.abs(closing - wanted[nearest]) < 1) {
      moved[nearest] = closing;
    }
  }
  return moved;
}

/** The frames in which lips that meet are nearest to each other. @param {Float32Array} frames @returns {number[]} */
function closings(frames) {
  const opening = Float32Array.from({ length: frames.length / FACE_SIZE }, (_, frame) => {
    const from = frame * FACE_SIZE;
    return pointDistance(frames, INNER_LIPS[0], INNER_LIPS[1], from) / eyeDistance(frames, from);
  });
  const found = [];
  for (let frame = 1; frame < opening.length - 1; frame += 1) {
    const here = opening[frame];
    if (here < CLOSED && here <= opening[frame - 1] && here < opening[frame + 1]) {
      found.push(frame);
    }
  }
  return found;
}

/**
 * Writes the face at `place`, between two frames, into `given`.
 *
 * @param {Float32Array} frames @param {number} place @param {number} last @param {Float32Array} given @param {number} to
 */
function blend(frames, place, last, given, to) {
  const before = Math.floor(place + ROUNDING);
  const share = Math.max(place - before, 0);
  const [one, other] = [before * FACE_SIZE, Math.min(before + 1, last) * FACE_SIZE];
  for (let value = 0; value < FACE_SIZE; value += 1) {
    given[to + value] = frames[one + value] * (1 - share) + frames[other + value] * share;
  }
}

/**
 * A stream's frames at the model's rate to frames at another, `leadS` later, linear in between. Before the first frame
 * and after the last one the face stands still.
 */
export class StreamRate {
  /** @param {number} modelFps @param {number} fps @param {number} leadS */
  constructor(modelFps, fps, leadS) {
    /** How many frames were given. */
    this.given = 0;
    this.ratio = modelFps / fps;
    this.shift = leadS * modelFps;
    /** Number of the first of the model's frames that are held. */
    this.first = 0;
    this.held = new Float32Array(0);
  }

  /** Whether frames stand between two of the model's. */
  get between() {
    return this.ratio !== 1 || Math.abs(this.shift - Math.round(this.shift)) > ROUNDING;
  }

  /**
   * The frames that became ready.
   *
   * @param {Float32Array} frames the model's next
   * @param {number} heard how many frames the sound has until now; no more are given
   * @param {boolean} [ended] nothing follows, so that all of them are given
   */
  take(frames, heard, ended = false) {
    const held = joined(this.held, frames);
    const last = this.first + held.length / FACE_SIZE - 1;
    const ready = held.length ? Math.floor((last - this.shift) / this.ratio + ROUNDING) + 1 : 0;
    const count = ended ? heard : Math.max(this.given, Math.min(ready, heard));
    const given = new Float32Array((count - this.given) * FACE_SIZE);
    for (let frame = this.given; frame < count; frame += 1) {
      const place = Math.min(last, Math.max(0, frame * this.ratio + this.shift));
      blend(held, place - this.first, last - this.first, given, (frame - this.given) * FACE_SIZE);
    }
    this.given = count;
    this.#drop(held);
    return given;
  }

  /** Keeps what later frames need. @param {Float32Array} held */
  #drop(held) {
    const following = Math.floor(this.given * this.ratio + this.shift + ROUNDING);
    const drop = Math.min(Math.max(0, following - this.first), Math.max(0, held.length / FACE_SIZE - 1));
    this.first += drop;
    this.held = held.slice(drop * FACE_SIZE);
  }
}
