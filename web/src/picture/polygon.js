/** Polygons on pixels. */

import { blank } from "./raster.js";

const ROWS_A_PIXEL = 8;

/**
 * How much of each pixel of a box lies in a polygon, 0 to 1: what is inside by the even-odd rule.
 *
 * @param {ArrayLike<number>} polygon x and y by turns, pixel indices
 * @param {number} width
 * @param {number} height
 * @param {number[]} low pixel at the upper left of the box
 */
export function polygonMask(polygon, width, height, low) {
  const mask = blank(width, height, 1);
  for (let line = 0; line < height * ROWS_A_PIXEL; line++) {
    const y = (line + 0.5) / ROWS_A_PIXEL - 0.5;
    const crossings = crossingsAt(polygon, y + low[1]).map((x) => x - low[0] + 0.5);
    const row = mask.data.subarray(
      width * Math.floor(line / ROWS_A_PIXEL),
      width * (Math.floor(line / ROWS_A_PIXEL) + 1),
    );
    for (let at = 0; at + 1 < crossings.length; at += 2) addSpan(row, crossings[at], crossings[at + 1]);
  }
  return mask;
}

/** Where a polygon crosses a line of equal y, from the left. @param {ArrayLike<number>} polygon @param {number} y */
function crossingsAt(polygon, y) {
  const found = [];
  for (let at = 0, before = polygon.length - 2; at < polygon.length; before = at, at += 2) {
    const [ax, ay, bx, by] = [polygon[before], polygon[before + 1], polygon[at], polygon[at + 1]];
    if (ay > y !== by > y) found.push(ax + ((bx - ax) * (y - ay)) / (by - ay));
  }
  return found.sort((a, b) => a - b);
}

/** Add a part of a line to the pixels of a row. @param {Float32Array} row @param {number} from @param {number} to */
function addSpan(row, from, to) {
  const [first, last] = [Math.max(0, Math.floor(from)), Math.min(row.length - 1, Math.floor(to))];
  for (let x = first; x <= last; x++) {
    row[x] += Math.max(0, Math.min(to, x + 1) - Math.max(from, x)) / ROWS_A_PIXEL;
  }
}

/**
 * A mask grown (or shrunk) by a disc.
 *
 * @param {Float32Array} data of the mask, width x height
 * @param {number} width
 * @param {number} reach pixels, below 0 to shrink
 */
export function grown(data, width, reach) {
  const height = data.length / width;
  const pick = reach < 0 ? Math.min : Math.max;
  const found = data.slice();
  for (let dy = -Math.abs(reach); dy <= Math.abs(reach); dy++) {
    const half = Math.round(Math.sqrt(Math.max(reach * reach - dy * dy, 0)));
    const band = widest(data, width, half, pick);
    for (let y = Math.max(0, -dy); y < Math.min(height, height - dy); y++) {
      for (let x = 0; x < width; x++) {
        const at = y * width + x;
        found[at] = pick(found[at], band[at + dy * width]);
      }
    }
  }
  return found;
}

/** The extreme of each pixel and those up to `half` beside it. @param {Float32Array} data @param {number} width @param {number} half @param {(a: number, b: number) => number} pick */
function widest(data, width, half, pick) {
  const found = data.slice();
  for (let at = 0; at < data.length; at++) {
    const x = at % width;
    for (let dx = -Math.min(half, x); dx <= Math.min(half, width - 1 - x); dx++)
      found[at] = pick(found[at], data[at + dx]);
  }
  return found;
}
