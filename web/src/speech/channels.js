/**
 * Many channels to one: their mean, and the voice where their mean would cancel it out; as media/channels.py.
 *
 * Where the channels cancel each other out, as two in opposite phase do, each is turned to the phase of the loudest
 * before. It is decided by the first ten seconds with sound.
 */

import { SAMPLE_RATE_HZ } from "./bundle_card.js";

/** Samples with sound that are heard before it is decided. */
const DECIDE_AFTER = 10 * SAMPLE_RATE_HZ;
/** A block that stays under this (-50 dBFS) at the beginning tells nothing. */
const QUIET_PEAK = 0.003;
const QUIET_BLOCK = 1024;
/** The channels cancel out when their mean has less than this share of the power of independent ones. */
const CANCELS = 0.7;

/**
 * @param {Float32Array[]} channels equally long, 16 kHz
 * @param {() => void} [onturned] told where channels were turned
 * @returns {Float32Array}
 */
export function mixed(channels, onturned) {
  if (channels.length === 1) {
    return channels[0];
  }
  const signs = channelSigns(channels);
  if (signs.includes(-1)) {
    onturned?.();
  }
  const mono = new Float32Array(channels[0].length);
  channels.forEach((channel, number) => {
    const share = signs[number] / channels.length;
    for (let place = 0; place < mono.length; place += 1) {
      mono[place] += share * channel[place];
    }
  });
  return mono;
}

/** @param {Float32Array[]} channels @returns {number[]} 1 or -1 of each */
function channelSigns(channels) {
  const from = soundBegins(channels);
  const heard = channels.map((channel) => channel.subarray(from, from + DECIDE_AFTER));
  const powers = heard.map((one) => heard.map((other) => one.reduce((sum, value, at) => sum + value * other[at], 0)));
  const own = powers.map((row, number) => row[number]);
  const all = powers.flat().reduce((sum, power) => sum + power, 0);
  if (!(all < CANCELS * own.reduce((sum, power) => sum + power, 0))) {
    return channels.map(() => 1);
  }
  return powers[own.indexOf(Math.max(...own))].map((power) => (power < 0 ? -1 : 1));
}

/** The first block that is not quiet. @param {Float32Array[]} channels */
function soundBegins(channels) {
  const first = channels.map((channel) => channel.findIndex((value) => Math.abs(value) >= QUIET_PEAK));
  const loud = first.filter((place) => place >= 0);
  return loud.length ? Math.floor(Math.min(...loud) / QUIET_BLOCK) * QUIET_BLOCK : 0;
}
