/**
 * Where the two layers of a mouth part: sharp between the lips, soft beyond its corners: `kfusion.picture.seam` again.
 */

import { LIP_PAIRS, LOWER_INNER, UPPER_INNER, chosenPoints, curve } from "./anatomy.js";
import { interpolated } from "./raster.js";

/** @typedef {import("./anatomy.js").Places} Places */

/** Share of the way to the corners up to which the seam is sharp. */
export const SHARP = 0.85;
/** How fast it gets soft beyond. */
export const SPREAD = 0.8;
const LINE = 41;
/** Places in a table of heights. */
export const TABLE = 256;
const FINE = 97;

/**
 * The line in the middle between the inner lips of a face, corner to corner.
 *
 * @param {Places} face
 * @returns {Places}
 */
export function seamLine(face) {
  const middles = LIP_PAIRS.flatMap(([upper, lower]) => [
    (face[2 * upper] + face[2 * lower]) / 2,
    (face[2 * upper + 1] + face[2 * lower + 1]) / 2,
  ]);
  return curve(Float64Array.of(face[120], face[121], ...middles, face[128], face[129]), LINE);
}

/**
 * The edges of what lies between the inner lips.
 *
 * @param {Places} face
 * @param {number} [count] of places on each
 * @returns {{ upper: Places, lower: Places }}
 */
export function openingEdges(face, count = FINE) {
  const [upper, lower] = [UPPER_INNER, LOWER_INNER].map((points) => curve(chosenPoints(face, points), count));
  return { upper, lower };
}

/**
 * The heights of a line at evenly spaced places from one end to the other.
 *
 * @param {Places} line
 * @param {number} first
 * @param {number} last
 * @returns {Float64Array}
 */
export function heights(line, first, last) {
  const across = risen(line.filter((_, at) => at % 2 === 0));
  const down = line.filter((_, at) => at % 2 === 1);
  return Float64Array.from({ length: TABLE }, (_, at) => {
    return interpolated(first + ((last - first) * at) / (TABLE - 1), across, down);
  });
}

/**
 * Numbers none of which is below the one before: a line that turns back is followed on its way out.
 *
 * @param {Places} values
 */
function risen(values) {
  let highest = -Infinity;
  return values.map((value) => (highest = Math.max(highest, value)));
}
