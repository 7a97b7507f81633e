/**
 * What a face does beside speaking: blinks, small motions of gaze and brows, a swaying head, breath; the rates, rules
 * and ranges of src/kfusion/motion/life.py, which names who measured them.
 */

import { eased } from "../speech/landmarks.js";
import { Random } from "./random.js";

/** @typedef {import("../types.js").LifeSigns} LifeSigns */

/**
 * @typedef {object} LifeKinds Which signs of life there are.
 * @property {boolean} blinks
 * @property {boolean} gaze
 * @property {boolean} brows
 * @property {boolean} sway
 * @property {boolean} breath
 */

export const BLINKS_PER_MIN = 22;
const LEAST_BETWEEN_S = 0.7;
const FALL_S = 0.1;
const HOLD_S = 0.03;
const RISE_S = 0.19;
const BLINK_S = FALL_S + HOLD_S + RISE_S;
/** Lips that rest this long make a pause. */
const PAUSE_S = 0.2;
/** From this share of its interval on, a blink comes early where a pause begins. */
const PAUSE_SHARE = 0.5;
/** Of resting lips: change of their opening in eye distances a second, at most. */
const STILL_SPEED = 0.15;
/** Deviation of the logarithm of the time between blinks. */
const SPREAD = 0.6;
const BREATHS_PER_S = 0.25;
const SWAY_HZ = [0.11, 0.19, 0.31, 0.47];
const GLANCE_S = 0.06;
/** What wanders slowly: shift in x and y, roll, nearness, brows. */
const WANDERINGS = 5;
const ALL_KINDS = { blinks: true, gaze: true, brows: true, sway: true, breath: true };

/** No sign of life. @type {LifeSigns} */
export const STILL = Object.freeze({
  closed: 0,
  gaze: /** @type {[number, number]} */ ([0, 0]),
  brows: 0,
  shift: /** @type {[number, number]} */ ([0, 0]),
  roll: 0,
  nearer: 0,
});

/** The signs of life of one face, moment after moment; a step back in time begins anew. */
export class Life {
  /** @param {{ seed?: number, kinds?: Partial<LifeKinds> }} [options] a kind that is not named is there */
  constructor({ seed = 0, kinds = {} } = {}) {
    this._seed = seed;
    this._kinds = { ...ALL_KINDS, ...kinds };
    const random = new Random(seed, 2);
    const phases = () => SWAY_HZ.map(() => random.uniform(0, 2 * Math.PI));
    this._phases = Array.from({ length: WANDERINGS }, phases);
    this._timeS = -Infinity;
    this._lips = new Lips();
    this._blinks = new Blinks(new Random(seed, 0));
    this._gaze = new Gaze(new Random(seed, 1));
  }

  /**
   * The signs at a moment.
   * @param {number} timeS seconds
   * @param {number} opening how far the lips are apart, in eye distances
   * @returns {LifeSigns}
   */
  at(timeS, opening) {
    if (timeS < this._timeS) this._beginAnew();
    const frameS = Number.isFinite(this._timeS) ? timeS - this._timeS : 0;
    const closed = this._blinks.at(timeS, this._lips.restsFor(opening, frameS));
    const gaze = this._gaze.at(timeS, closed);
    this._timeS = timeS;
    return this._chosen(closed, gaze, timeS);
  }

  _beginAnew() {
    this._timeS = -Infinity;
    this._lips = new Lips();
    this._blinks = new Blinks(new Random(this._seed, 0));
    this._gaze = new Gaze(new Random(this._seed, 1));
  }

  /**
   * @param {number} closed
   * @param {[number, number]} gaze
   * @param {number} timeS
   * @returns {LifeSigns}
   */
  _chosen(closed, gaze, timeS) {
    const kinds = this._kinds;
    const [x, y, roll, nearer, brows] = this._phases.map((phases) => slow(phases, timeS));
    const breath = kinds.breath ? Math.sin(2 * Math.PI * BREATHS_PER_S * timeS) : 0;
    const sway = kinds.sway ? 1 : 0;
    return {
      closed: kinds.blinks ? closed : 0,
      gaze: kinds.gaze ? gaze : [0, 0],
      brows: kinds.brows ? 0.012 * Math.max(0, brows) ** 2 - 0.008 * closed : 0,
      shift: [0.022 * sway * x, 0.012 * sway * y + 0.004 * breath],
      roll: 0.012 * sway * roll,
      nearer: 0.006 * sway * nearer + 0.0015 * breath,
    };
  }
}

/** A slow wandering about 0, of about 1. @param {number[]} phases @param {number} timeS */
function slow(phases, timeS) {
  const waves = phases.map((phase, number) => Math.sin(2 * Math.PI * SWAY_HZ[number] * timeS + phase));
  return waves.reduce((total, wave) => total + wave) / Math.sqrt(SWAY_HZ.length);
}

/** How long lips have been at rest. */
class Lips {
  /** @type {number | null} */
  _last = null;
  _restsS = 0;

  /**
   * Since when, and since when at the moment before.
   * @param {number} opening
   * @param {number} frameS since the moment before
   */
  restsFor(opening, frameS) {
    const beforeS = this._restsS;
    const moved = this._last !== null && Math.abs(opening - this._last) > STILL_SPEED * frameS;
    this._last = opening;
    this._restsS = moved ? 0 : beforeS + frameS;
    return { restsS: this._restsS, beforeS };
  }
}

/** When the lids fall: a log-normal interval after the last blink, or a pause somewhat before that. */
class Blinks {
  /** @param {Random} random */
  constructor(random) {
    this._random = random;
    this._beganS = -10;
    this._dueS = this._intervalS() * random.uniform(0.2, 1);
  }

  /**
   * How far the eyes are shut.
   * @param {number} timeS
   * @param {{ restsS: number, beforeS: number }} lips
   */
  at(timeS, { restsS, beforeS }) {
    const intervalS = this._dueS - this._beganS;
    const pauseBegins = restsS >= PAUSE_S && beforeS < PAUSE_S;
    const early = pauseBegins && timeS - this._beganS > Math.max(LEAST_BETWEEN_S, PAUSE_SHARE * intervalS);
    if (timeS >= this._dueS || early) {
      this._beganS = timeS;
      this._dueS = timeS + this._intervalS();
    }
    return lidAt(timeS - this._beganS);
  }

  _intervalS() {
    const mean = Math.log(60 / BLINKS_PER_MIN) - SPREAD ** 2 / 2;
    return Math.max(BLINK_S + LEAST_BETWEEN_S, Math.exp(mean + SPREAD * this._random.normal()));
  }
}

/**
 * How far the lids are shut, 0 to 1, so long after a blink began: they fall fast and rise slowly.
 * @param {number} sinceS
 */
export function lidAt(sinceS) {
  if (sinceS < 0 || sinceS >= BLINK_S) return 0;
  if (sinceS < FALL_S) return eased(sinceS / FALL_S);
  return sinceS < FALL_S + HOLD_S ? 1 : 1 - eased((sinceS - FALL_S - HOLD_S) / RISE_S);
}

/** Where the eyes look: near the middle, in quick steps, often hidden by a blink. */
class Gaze {
  /** @param {Random} random */
  constructor(random) {
    this._random = random;
    this._nextS = random.uniform(0.5, 2);
    this._beganS = -1;
    this._from = [0, 0];
    this._to = [0, 0];
  }

  /**
   * @param {number} timeS
   * @param {number} closed
   * @returns {[number, number]}
   */
  at(timeS, closed) {
    if (timeS >= this._nextS || (closed === 1 && timeS > this._beganS + 0.5)) {
      this._from = this._to;
      this._beganS = timeS;
      this._to = [0.008 * this._step(), 0.003 * this._step()];
      this._nextS = timeS + this._random.uniform(0.7, 3);
    }
    const share = eased((timeS - this._beganS) / GLANCE_S);
    return [this._between(0, share), this._between(1, share)];
  }

  _step() {
    return Math.min(Math.max(this._random.normal(), -1.5), 1.5);
  }

  /** @param {0 | 1} axis @param {number} share */
  _between(axis, share) {
    return this._from[axis] + (this._to[axis] - this._from[axis]) * share;
  }
}
