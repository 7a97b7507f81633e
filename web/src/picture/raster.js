/**
 * Pixels on typed arrays: looked up, blurred, ordered. A raster holds `depth` numbers a pixel; places are pixel indices.
 */

import { clip } from "./anatomy.js";

/**
 * @typedef {object} Raster
 * @property {number} width
 * @property {number} height
 * @property {number} depth numbers a pixel
 * @property {Float32Array | Uint8ClampedArray} data row by row
 */

/**
 * @param {number} width
 * @param {number} height
 * @param {number} depth
 * @returns {Raster & { data: Float32Array }}
 */
export const blank = (width, height, depth) => ({
  width,
  height,
  depth,
  data: new Float32Array(width * height * depth),
});

/**
 * The pixels of a picture.
 *
 * @param {{ width: number, height: number, data: Uint8ClampedArray }} image RGBA
 * @returns {Raster & { data: Uint8ClampedArray }}
 */
export const rasterOf = ({ width, height, data }) => ({ width, height, depth: 4, data });

/**
 * A part of a raster, its rim repeated beyond the frame.
 *
 * @param {Raster} raster
 * @param {number} left
 * @param {number} top
 * @param {number} width
 * @param {number} height
 * @param {number} depth of the result
 */
export function cut(raster, left, top, width, height, depth = raster.depth) {
  const part = blank(width, height, depth);
  for (let y = 0, to = 0; y < height; y++) {
    const row = clip(top + y, 0, raster.height - 1) * raster.width;
    for (let x = 0; x < width; x++) {
      const from = raster.depth * (row + clip(left + x, 0, raster.width - 1));
      for (let value = 0; value < depth; value++, to++) part.data[to] = raster.data[from + value];
    }
  }
  return part;
}

/**
 * The colour at a place, between pixels, the rim repeated beyond the frame.
 *
 * @param {Raster} raster
 * @param {number} x
 * @param {number} y
 * @param {number} [depth]
 * @returns {number[]}
 */
export function colourAt(raster, x, y, depth = Math.min(3, raster.depth)) {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const found = new Array(depth).fill(0);
  for (let corner = 0; corner < 4; corner++) {
    const [i, j] = [left + (corner & 1), top + (corner >> 1)];
    const weight = (1 - Math.abs(x - i)) * (1 - Math.abs(y - j));
    const at = raster.depth * (clip(j, 0, raster.height - 1) * raster.width + clip(i, 0, raster.width - 1));
    for (let part = 0; part < depth; part++) found[part] += weight * raster.data[at + part];
  }
  return found;
}

/**
 * The lightness of colours, one number a pixel (ITU-R BT.601).
 *
 * @param {Raster} raster
 * @returns {Raster & { data: Float32Array }}
 */
export function greyOf(raster) {
  const grey = blank(raster.width, raster.height, 1);
  for (let at = 0, from = 0; at < grey.data.length; at++, from += raster.depth) {
    grey.data[at] = Math.round(
      0.299 * raster.data[from] + 0.587 * raster.data[from + 1] + 0.114 * raster.data[from + 2],
    );
  }
  return grey;
}

/**
 * A raster under a Gaussian, mirrored at its rim.
 *
 * @param {Raster} raster
 * @param {number} deviation pixels
 * @returns {Raster & { data: Float32Array }}
 */
export function blurred(raster, deviation) {
  const kernel = gaussian(deviation);
  const { width, height, depth } = raster;
  const across = filtered(raster, kernel, width, depth, height, width * depth);
  return filtered(across, kernel, height, width * depth, width, depth);
}

/** @param {number} deviation */
function gaussian(deviation) {
  const reach = Math.round(4 * deviation);
  const kernel = Float64Array.from({ length: 2 * reach + 1 }, (_, at) =>
    Math.exp(-0.5 * ((at - reach) / deviation) ** 2),
  );
  const sum = kernel.reduce((all, weight) => all + weight, 0);
  return kernel.map((weight) => weight / sum);
}

/**
 * A raster filtered along one axis.
 *
 * @param {Raster} raster
 * @param {Float64Array} kernel
 * @param {number} length of a line
 * @param {number} stride from a pixel of a line to the next
 * @param {number} lines
 * @param {number} between from a line to the next
 */
function filtered(raster, kernel, length, stride, lines, between) {
  const found = blank(raster.width, raster.height, raster.depth);
  const reach = kernel.length >> 1;
  const line = new Float64Array(length + 2 * reach);
  for (let number = 0; number < lines; number++) {
    for (let part = 0; part < raster.depth; part++) {
      const start = number * between + part;
      for (let at = 0; at < line.length; at++) line[at] = raster.data[start + stride * reflected(at - reach, length)];
      for (let at = 0; at < length; at++) {
        let sum = 0;
        for (let tap = 0; tap < kernel.length; tap++) sum += kernel[tap] * line[at + tap];
        found.data[start + stride * at] = sum;
      }
    }
  }
  return found;
}

/**
 * An index mirrored about the first and the last one.
 *
 * @param {number} index
 * @param {number} length
 */
export function reflected(index, length) {
  if (length === 1) return 0;
  const folded = Math.abs(index) % (2 * length - 2);
  return folded < length ? folded : 2 * length - 2 - folded;
}

/**
 * The value below which a share of values lies, between its neighbours.
 *
 * @param {ArrayLike<number>} values
 * @param {number} share
 */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

/** @param {ArrayLike<number>} values */
export const median = (values) => quantile(values, 0.5);

/** @param {ArrayLike<number>} values */
export const mean = (values) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

/**
 * How far the largest is from the smallest.
 *
 * @param {ArrayLike<number>} values
 */
export const spread = (values) => Math.max(...Array.from(values)) - Math.min(...Array.from(values));

/**
 * Each channel of colours by itself.
 *
 * @param {number[][]} colours
 * @param {(values: number[]) => number} summary
 * @returns {number[]}
 */
export const byChannel = (colours, summary) =>
  colours[0].map((_, part) => summary(colours.map((colour) => colour[part])));

/**
 * Evenly spaced numbers, both ends included.
 *
 * @param {number} first
 * @param {number} last
 * @param {number} count
 */
export const linspace = (first, last, count) =>
  Array.from({ length: count }, (_, at) => first + ((last - first) * at) / (count - 1));

/**
 * Where a value lies on a line through points, flat beyond its ends.
 *
 * @param {number} x
 * @param {ArrayLike<number>} xs rising
 * @param {ArrayLike<number>} ys
 */
export function interpolated(x, xs, ys) {
  const last = xs.length - 1;
  if (x <= xs[0]) return ys[0];
  if (x >= xs[last]) return ys[last];
  let [low, high] = [0, last];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle;
    else high = middle;
  }
  return ys[low] + ((x - xs[low]) / (xs[high] - xs[low])) * (ys[high] - ys[low]);
}

/**
 * Normal noise that follows from a seed (mulberry32; Box and Muller 1958).
 *
 * @param {number} seed
 * @returns {() => number}
 */
export function noise(seed) {
  let state = (seed * 0x9e3779b9) >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
