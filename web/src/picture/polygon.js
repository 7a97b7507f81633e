/** Polygons on pixels. */

import { clip } from "./anatomy.js";
import { blank } from "./raster.js";

/** How far a mask reaches beyond its polygon, in pixels: as OpenCV draws the edges of what it fills. */
export const RIM_PX = 0.67;

/**
 * How far a place lies outside of a polygon, in front of 0 inside.
 *
 * @param {number} x
 * @param {number} y
 * @param {ArrayLike<number>} polygon x and y by turns
 */
export function distanceTo(x, y, polygon) {
  let nearest = Infinity;
  let inside = false;
  for (let at = 0, before = polygon.length - 2; at < polygon.length; before = at, at += 2) {
    const ax = polygon[before];
    const ay = polygon[before + 1];
    const dx = polygon[at] - ax;
    const dy = polygon[at + 1] - ay;
    const along = clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1), 0, 1);
    const [offX, offY] = [x - ax - along * dx, y - ay - along * dy];
    nearest = Math.min(nearest, offX * offX + offY * offY);
    if (ay > y !== ay + dy > y && x < (dx * (y - ay)) / dy + ax) inside = !inside;
  }
  return inside ? -Math.sqrt(nearest) : Math.sqrt(nearest);
}

/**
 * How much of each pixel of a box lies in a polygon with its rim, 0 to 1.
 *
 * @param {ArrayLike<number>} polygon x and y by turns, pixel indices
 * @param {number} width
 * @param {number} height
 * @param {number[]} low pixel at the upper left of the box
 * @param {number} [rim] how far the mask reaches beyond the polygon, pixels
 */
export function polygonMask(polygon, width, height, low, rim = RIM_PX) {
  const mask = blank(width, height, 1);
  for (let at = 0; at < mask.data.length; at++) {
    const [x, y] = [low[0] + (at % width), low[1] + Math.floor(at / width)];
    mask.data[at] = clip(0.5 + rim - distanceTo(x, y, polygon), 0, 1);
  }
  return mask;
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
