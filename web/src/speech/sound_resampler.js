/**
 * Sound at another rate, as FFmpeg's default resampler gives it: a windowed sinc for each phase, 32 periods wide at the
 * lower rate, Kaiser window with beta 9, cut off at 0.97 of the band. Both ends are continued by reflection.
 */
import { joined } from "./arrays.js";

const PERIODS = 32;
const CUTOFF = 0.97;
const KAISER_BETA = 9;

/** One channel on its way to another rate; pieces may be of any length. */
export class SoundResampler {
  #taps;
  #center;
  /** @type {Float64Array[]} */
  #phases;
  /** @type {Float32Array} */
  #held = new Float32Array(0);
  /** Number of the first sample that is held: below 0 once the beginning was reflected. */
  #first = 0;
  #begun = false;
  /** How many samples were given. */
  #given = 0;

  /** @param {number} fromHz @param {number} toHz whole numbers */
  constructor(fromHz, toHz) {
    const divisor = greatestDivisor(fromHz, toHz);
    this.step = fromHz / divisor;
    this.phaseCount = toHz / divisor;
    const factor = Math.min((toHz * CUTOFF) / fromHz, 1);
    this.#taps = 2 * Math.ceil(Math.ceil(PERIODS / factor) / 2);
    this.#center = (this.#taps - 1) >> 1;
    this.#phases = filterBank(this.#taps, this.#center, this.phaseCount, factor);
  }

  /** The samples that became ready. @param {Float32Array} samples @returns {Float32Array} */
  push(samples) {
    if (this.step === this.phaseCount) {
      return samples;
    }
    this.#held = joined(this.#held, samples);
    if (!this.#begun) {
      if (this.#held.length <= this.#center) {
        return new Float32Array(0);
      }
      this.#begin();
    }
    return this.#ready();
  }

  /** What is still held back, the end continued by reflection. @returns {Float32Array} */
  flush() {
    if (this.step === this.phaseCount || !this.#held.length) {
      return new Float32Array(0);
    }
    if (!this.#begun) {
      this.#begin();
    }
    const end = this.#first + this.#held.length;
    const reflected = this.#held.slice(-Math.min(this.#held.length, (this.#taps + 1) >> 1)).reverse();
    this.#held = joined(this.#held, reflected);
    return this.#ready(Math.ceil((end * this.phaseCount) / this.step));
  }

  /** Continues the beginning by reflection about the first sample. */
  #begin() {
    this.#begun = true;
    const head = new Float32Array(this.#center);
    for (let back = 1; back <= this.#center; back += 1) {
      head[this.#center - back] = this.#held[Math.min(back, this.#held.length - 1)];
    }
    this.#held = joined(head, this.#held);
    this.#first = -this.#center;
  }

  /** @param {number} [most] how many samples there are in all */
  #ready(most = Infinity) {
    const past = this.#first + this.#held.length - this.#taps + this.#center;
    const end = Math.min(most, Math.floor(((past + 1) * this.phaseCount - 1) / this.step) + 1);
    const given = new Float32Array(Math.max(0, end - this.#given));
    for (let place = 0; place < given.length; place += 1) {
      const at = (this.#given + place) * this.step;
      const start = Math.floor(at / this.phaseCount) - this.#center - this.#first;
      given[place] = product(this.#held, start, this.#phases[at % this.phaseCount]);
    }
    this.#given += given.length;
    this.#drop();
    return given;
  }

  /** Keeps what later samples need. */
  #drop() {
    const next = Math.floor((this.#given * this.step) / this.phaseCount) - this.#center - this.#first;
    if (next > 0) {
      this.#held = this.#held.slice(next);
      this.#first += next;
    }
  }
}

/**
 * @param {number} taps @param {number} center @param {number} phaseCount @param {number} factor share of the band
 * @returns {Float64Array[]}
 */
function filterBank(taps, center, phaseCount, factor) {
  return Array.from({ length: phaseCount }, (_, phase) => {
    const filter = Float64Array.from({ length: taps }, (__, tap) => {
      const x = Math.PI * (tap - center - phase / phaseCount) * factor;
      const place = (2 * x) / (factor * taps * Math.PI);
      return (x === 0 ? 1 : Math.sin(x) / x) * bessel(KAISER_BETA * Math.sqrt(Math.max(1 - place * place, 0)));
    });
    const sum = filter.reduce((total, value) => total + value, 0);
    return filter.map((value) => value / sum);
  });
}

/** The modified Bessel function of the first kind, order 0. @param {number} x */
function bessel(x) {
  let [sum, term] = [1, 1];
  for (let order = 1; term > 1e-18 * sum; order += 1) {
    term *= (x / (2 * order)) ** 2;
    sum += term;
  }
  return sum;
}

/** @param {Float32Array} samples @param {number} start @param {Float64Array} filter */
function product(samples, start, filter) {
  let sum = 0;
  for (let tap = 0; tap < filter.length; tap += 1) {
    sum += samples[start + tap] * filter[tap];
  }
  return sum;
}

/** Of two whole numbers. @param {number} first @param {number} second @returns {number} */
export function greatestDivisor(first, second) {
  return second ? greatestDivisor(second, first % second) : first;
}
