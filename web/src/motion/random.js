/** Random numbers that repeat themselves from a seed (sfc32, mixed from the seed by splitmix32; both public domain). */
export class Random {
  /** @param {...number} seeds whole numbers: other ones, another row of numbers */
  constructor(...seeds) {
    this._state = new Uint32Array(4);
    let mixed = 0x9e3779b9;
    for (let at = 0; at < 4; at++) {
      for (const seed of [at, ...seeds]) mixed = splitmix((mixed ^ seed) >>> 0);
      this._state[at] = mixed;
    }
    for (let round = 0; round < 12; round++) this.next();
  }

  /** From 0 up to, but not, 1. */
  next() {
    const state = this._state;
    const sum = (state[0] + state[1] + state[3]) >>> 0;
    state[3] += 1;
    state[0] = state[1] ^ (state[1] >>> 9);
    state[1] = state[2] + (state[2] << 3);
    state[2] = ((state[2] << 21) | (state[2] >>> 11)) + sum;
    return sum / 2 ** 32;
  }

  /** @param {number} low @param {number} high */
  uniform(low, high) {
    return low + (high - low) * this.next();
  }

  /** Of mean 0 and deviation 1 (Box and Muller). */
  normal() {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return radius * Math.cos(2 * Math.PI * this.next());
  }
}

/** @param {number} value */
function splitmix(value) {
  let mixed = (value + 0x9e3779b9) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
