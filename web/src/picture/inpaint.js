/** Holes in a picture filled from their rim: fast marching (Telea 2004). */

import { blank } from "./raster.js";

/** @typedef {import("./raster.js").Raster} Raster */

const [KNOWN, BAND, HOLE] = [0, 1, 2];
const FAR = 1e6;

/**
 * A raster whose hole is filled, pixel by pixel from its rim inwards, each from those known within `reach`.
 *
 * @param {Raster} raster
 * @param {Uint8Array} hole 1 where it is to be filled
 * @param {number} reach pixels
 * @returns {Raster & { data: Float32Array }}
 */
export function inpainted(raster, hole, reach) {
  const march = new March(raster, hole, reach);
  while (march.step());
  return march.found;
}

class March {
  /**
   * @param {Raster} raster
   * @param {Uint8Array} hole
   * @param {number} reach
   */
  constructor(raster, hole, reach) {
    this._width = raster.width;
    this._height = raster.height;
    this._reach = Math.round(reach);
    this.found = { ...blank(raster.width, raster.height, raster.depth), data: Float32Array.from(raster.data) };
    this._state = Uint8Array.from(hole, (is) => (is ? HOLE : KNOWN));
    this._time = Float64Array.from(hole, (is) => (is ? FAR : 0));
    /** @type {number[]} pixels, a heap by their time */
    this._heap = [];
    hole.forEach((is, at) => {
      if (!is && this._neighbours(at).some((near) => hole[near])) {
        this._state[at] = BAND;
        this._push(at);
      }
    });
  }

  /** Go on from the earliest pixel of the band; false where none is left. */
  step() {
    const at = this._pop();
    if (at === undefined) return false;
    this._state[at] = KNOWN;
    for (const near of this._neighbours(at)) {
      if (this._state[near] !== HOLE) continue;
      this._time[near] = this._arrival(near);
      this._fill(near);
      this._state[near] = BAND;
      this._push(near);
    }
    return true;
  }

  /**
   * @param {number} at
   * @returns {number[]}
   */
  _neighbours(at) {
    const [x, y] = [at % this._width, Math.floor(at / this._width)];
    const found = [];
    if (x > 0) found.push(at - 1);
    if (y > 0) found.push(at - this._width);
    if (x < this._width - 1) found.push(at + 1);
    if (y < this._height - 1) found.push(at + this._width);
    return found;
  }

  /**
   * When the front comes to a pixel: the eikonal equation.
   *
   * @param {number} at
   */
  _arrival(at) {
    const [x, y] = [at % this._width, Math.floor(at / this._width)];
    const across = Math.min(this._timeAt(x - 1, y), this._timeAt(x + 1, y));
    const down = Math.min(this._timeAt(x, y - 1), this._timeAt(x, y + 1));
    if (Math.abs(across - down) >= 1) return 1 + Math.min(across, down);
    return (across + down + Math.sqrt(2 - (across - down) ** 2)) / 2;
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  _timeAt(x, y) {
    if (x < 0 || y < 0 || x >= this._width || y >= this._height) return FAR;
    return this._time[y * this._width + x];
  }

  /**
   * How fast the time changes there, between what is known.
   *
   * @param {number} at
   * @param {number} index
   * @param {number} length
   * @param {number} stride
   */
  _timeSlope(at, index, length, stride) {
    const after = index < length - 1 && this._state[at + stride] !== HOLE ? at + stride : at;
    const before = index > 0 && this._state[at - stride] !== HOLE ? at - stride : at;
    return after === before ? 0 : ((this._time[after] - this._time[before]) * stride) / (after - before);
  }

  /**
   * Give a pixel the mean of what is known round it: most of what is near, on its front's normal and as old.
   *
   * @param {number} at
   */
  _fill(at) {
    const [x, y] = [at % this._width, Math.floor(at / this._width)];
    const slopeX = this._timeSlope(at, x, this._width, 1);
    const slopeY = this._timeSlope(at, y, this._height, this._width);
    const { depth, data } = this.found;
    const sums = new Array(depth).fill(0);
    let all = 0;
    for (let dy = -this._reach; dy <= this._reach; dy++) {
      for (let dx = -this._reach; dx <= this._reach; dx++) {
        const weight = this._weight(at, x, y, dx, dy, slopeX, slopeY);
        if (weight === 0) continue;
        const from = depth * (at + dy * this._width + dx);
        for (let part = 0; part < depth; part++) sums[part] += weight * data[from + part];
        all += weight;
      }
    }
    for (let part = 0; part < depth; part++) data[depth * at + part] = sums[part] / all;
  }

  /**
   * @param {number} at
   * @param {number} x
   * @param {number} y
   * @param {number} dx
   * @param {number} dy
   * @param {number} slopeX
   * @param {number} slopeY
   */
  _weight(at, x, y, dx, dy, slopeX, slopeY) {
    const inside = x + dx >= 0 && y + dy >= 0 && x + dx < this._width && y + dy < this._height;
    const square = dx * dx + dy * dy;
    if (!inside || square > this._reach ** 2) return 0;
    const near = at + dy * this._width + dx;
    if (this._state[near] === HOLE) return 0;
    const onNormal = Math.abs(dx * slopeX + dy * slopeY);
    const asOld = 1 / (1 + Math.abs(this._time[near] - this._time[at]));
    return ((onNormal <= 0.01 ? 1e-6 : onNormal) * asOld) / (square * Math.sqrt(square));
  }

  /** @param {number} at */
  _push(at) {
    const heap = this._heap;
    let place = heap.push(at) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this._time[heap[parent]] <= this._time[at]) break;
      heap[place] = heap[parent];
      place = parent;
    }
    heap[place] = at;
  }

  /** @returns {number | undefined} */
  _pop() {
    const heap = this._heap;
    const [first, last] = [heap[0], heap.pop()];
    if (heap.length === 0 || last === undefined) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this._time[heap[child + 1]] < this._time[heap[child]]) child++;
      if (this._time[heap[child]] >= this._time[last]) break;
      heap[place] = heap[child];
      place = child;
    }
    heap[place] = last;
    return first;
  }
}
