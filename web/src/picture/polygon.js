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
 * How far each pixel of a box lies outside of a polygon, in front of 0 inside.
 *
 * @param {ArrayLike<number>} polygon x and y by turns, pixel indices
 * @param {number} width
 * @param {number} height
 * @param {number[]} low pixel at the upper left of the box
 */
export function distances(polygon, width, height, low) {
  const found = blank(width, height, 1);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) found.data[at] = distanceTo(low[0] + x, low[1] + y, polygon);
  }
  return found;
}

/**
 * How much of a pixel lies in a polygon that is so far away, with its rim.
 *
 * @param {number} distance
 */
export const covered = (distance) => clip(0.5 + RIM_PX - distance, 0, 1);
