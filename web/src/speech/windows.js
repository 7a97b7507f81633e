/**
 * A recording of any length through a network that sees a few seconds: cut, run, join without a seam.
 *
 * Window k starts at k * hop. Two neighbours share `overlap`, of which each one keeps the quarter next to its own middle
 * and fades into the other over the half between.
 */
import { FACE_SIZE, eased } from "./landmarks.js";

/**
 * Windows, each `hop` after the one before; the last holds what is left, more than the overlap.
 *
 * @param {Float32Array} samples @param {number} window @param {number} hop
 */
export function* cut(samples, window, hop) {
  let start = 0;
  for (; samples.length - start > window; start += hop) {
    yield samples.subarray(start, start + window);
  }
  yield samples.subarray(start);
}

/** Puts the frames of windows together as they come. */
export class Joiner {
  /** @param {number} hop in frames @param {number} overlap in frames */
  constructor(hop, overlap) {
    this.hop = hop;
    this.overlap = overlap;
    this.tail = new Float32Array(0);
  }

  /** The frames that no later window changes. @param {Float32Array} piece @param {boolean} last */
  add(piece, last) {
    const whole = piece.slice();
    const shared = this.tail.length;
    const weights = fadeIn(shared / FACE_SIZE);
    for (let place = 0; place < shared; place += 1) {
      const weight = weights[Math.floor(place / FACE_SIZE)];
      whole[place] = (1 - weight) * this.tail[place] + weight * piece[place];
    }
    const settled = last ? whole.length : this.hop * FACE_SIZE;
    this.tail = whole.slice(settled);
    return whole.subarray(0, settled);
  }
}

/** Weight of the newer window over the shared frames: 0, a smooth rise over the middle half, 1. @param {number} count */
export function fadeIn(count) {
  return Float64Array.from({ length: count }, (_, place) => eased((2 * (place + 0.5)) / Math.max(count, 1) - 0.5));
}
