/** Rasters at another size. */

import { clip } from "./anatomy.js";
import { blank } from "./raster.js";

/** @typedef {import("./raster.js").Raster} Raster */
/** @typedef {{ at: number, weight: number }[]} Taps what a pixel is made of along one axis */

/**
 * A smaller raster, each pixel the mean of what it covers.
 *
 * @param {Raster} raster
 * @param {number} width
 * @param {number} height
 */
export const shrunk = (raster, width, height) => resampled(raster, width, height, covered);

/**
 * A larger raster, by cubic interpolation.
 *
 * @param {Raster} raster
 * @param {number} width
 * @param {number} height
 */
export const enlarged = (raster, width, height) => resampled(raster, width, height, cubic);

/**
 * @param {Raster} raster
 * @param {number} width
 * @param {number} height
 * @param {(to: number, count: number, known: number) => Taps} tapsOf
 */
function resampled(raster, width, height, tapsOf) {
  const columns = Array.from({ length: width }, (_, x) => tapsOf(x, width, raster.width));
  const rows = Array.from({ length: height }, (_, y) => tapsOf(y, height, raster.height));
  const { depth } = raster;
  const narrow = blank(width, raster.height, depth);
  for (let y = 0, to = 0; y < raster.height; y++) {
    for (const taps of columns) {
      for (const { at, weight } of taps) {
        const from = depth * (y * raster.width + at);
        for (let part = 0; part < depth; part++) narrow.data[to + part] += weight * raster.data[from + part];
      }
      to += depth;
    }
  }
  const found = blank(width, height, depth);
  const line = width * depth;
  rows.forEach((taps, y) => {
    for (const { at, weight } of taps) {
      for (let x = 0; x < line; x++) found.data[y * line + x] += weight * narrow.data[at * line + x];
    }
  });
  return found;
}

/**
 * @param {number} to
 * @param {number} count
 * @param {number} known
 * @returns {Taps}
 */
function covered(to, count, known) {
  const [from, until] = [(to * known) / count, ((to + 1) * known) / count];
  const taps = [];
  for (let at = Math.floor(from); at < Math.min(Math.ceil(until - 1e-9), known); at++) {
    taps.push({ at, weight: (Math.min(until, at + 1) - Math.max(from, at)) / (until - from) });
  }
  return taps;
}

/**
 * @param {number} to
 * @param {number} count
 * @param {number} known
 * @returns {Taps}
 */
function cubic(to, count, known) {
  const place = ((to + 0.5) * known) / count - 0.5;
  const first = Math.floor(place) - 1;
  return [0, 1, 2, 3].map((tap) => ({
    at: clip(first + tap, 0, known - 1),
    weight: cubicWeight(Math.abs(place - first - tap)),
  }));
}

/**
 * Cubic convolution (Keys 1981) with -0.75.
 *
 * @param {number} away
 */
function cubicWeight(away) {
  if (away <= 1) return (1.25 * away - 2.25) * away * away + 1;
  return away < 2 ? ((-0.75 * away + 3.75) * away - 6) * away + 3 : 0;
}
