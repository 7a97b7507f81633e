/**
 * Lids that close over the eyes of a portrait, and the colours that eyes show: `kfusion.picture.eyes` again, what of it
 * is done once a portrait. A lid is made of the skin round the eye: what lies between the landmarks of the lids, with
 * the lashes, is filled from its rim, rounded by light and shade, and given the grain of the portrait.
 */

import { eased } from "../speech/landmarks.js";
import { chosenPoints, clip } from "./anatomy.js";
import { inpainted } from "./inpaint.js";
import { coloursAt } from "./portrait_mouth.js";
import { blank, blurred, byChannel, cut, interpolated, linspace, mean, noise, quantile } from "./raster.js";
import { enlarged, shrunk } from "./resize.js";
import { fittedPolynomial, polynomial } from "./solve.js";
import { highOf, lowOf } from "./stage.js";

/** @typedef {import("./anatomy.js").FaceAxes} FaceAxes */
/** @typedef {import("./anatomy.js").Places} Places */
/** @typedef {import("./raster.js").Raster} Raster */

/**
 * @typedef {object} Eye One eye that can blink, over the pixels of a box of the portrait.
 * @property {number} left
 * @property {number} top
 * @property {number} width
 * @property {number} height
 * @property {LidEdges} edges
 * @property {Uint8ClampedArray} lid RGBA: the closed lid, and where it lies
 * @property {number[]} lash colour of the line of lashes
 */

/**
 * @typedef {object} LidEdges Heights of the lids, cubics of the share of the way from one corner to the other.
 * @property {number} first u of the corner in the picture's left
 * @property {number} last
 * @property {Float64Array} upper coefficients, the constant first
 * @property {Float64Array} lower
 */

const RINGS = [
  [36, 37, 38, 39, 40, 41],
  [42, 43, 44, 45, 46, 47],
];
const UPPER_LID = [0, 1, 2, 3];
const LOWER_LID = [0, 5, 4, 3];
/** How far lashes and their shadow reach round the landmarks of an eye, in eye distances. */
const LASHES_ABOVE = 0.035;
const LASHES_BELOW = 0.016;
const ASIDE = 0.02;
const MARGIN = 0.05;
/** A lid is smooth: it is made at this width and enlarged. */
const FILL_PX = 80;
/** An eye that is open less than this, in eye distances, is shut or a slit: it does not blink. */
const OPEN_LEAST = 0.035;
/** The lightest of an eye must be this many times its darkest, or it is not seen: dark glasses. */
const LIGHTEST_LEAST = 1.25;

/**
 * The eyes of a portrait that can blink.
 *
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} face
 * @param {number} grain
 * @returns {Eye[]}
 */
export const readEyes = (picture, axes, face, grain) =>
  RINGS.flatMap((ring) => readEye(picture, axes, chosenPoints(face, ring), grain) ?? []);

/**
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} ring
 * @param {number} grain
 * @returns {Eye | null}
 */
function readEye(picture, axes, ring, grain) {
  if ((ring[11] + ring[9] - ring[3] - ring[5]) / 2 < OPEN_LEAST || !isSeen(picture, axes, ring)) return null;
  const { left, top, width, height } = boxRound(picture, axes, ring);
  if (width < 4 || height < 4) return null;
  const edges = lidEdges(ring);
  const lids = lidsOver(axes, edges, ring, left, top, width, height);
  const shown = cut(picture, left, top, width, height, 3);
  const cover = blurred(lids.hole, Math.max(0.7, 0.008 * axes.unitPx));
  const lid = rounded(filledLid(shown, lids.hole), lids, cover, grain);
  return { left, top, width, height, edges, lid, lash: lashColour(picture, axes, ring) };
}

/**
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} ring
 */
function boxRound(picture, axes, ring) {
  const [low, high] = [lowOf(ring), highOf(ring).map((at) => at + ASIDE + MARGIN)];
  const [first, above] = [low[0] - ASIDE - MARGIN, low[1] - LASHES_ABOVE - MARGIN];
  const corners = axes.toPixels([first, above, high[0], above, first, high[1], high[0], high[1]]);
  const [left, top] = lowOf(corners).map((at) => Math.max(Math.floor(at), 0));
  const [right, bottom] = highOf(corners).map((at) => Math.ceil(at) + 1);
  return { left, top, width: Math.min(right, picture.width) - left, height: Math.min(bottom, picture.height) - top };
}

/**
 * The height of the lids: cubics through their four landmarks.
 *
 * @param {Places} ring
 * @returns {LidEdges}
 */
function lidEdges(ring) {
  const [first, last] = [ring[0], ring[6]];
  const [upper, lower] = [UPPER_LID, LOWER_LID].map((points) => {
    const shares = points.map((point) => (ring[2 * point] - first) / (last - first));
    return fittedPolynomial(
      shares,
      points.map((point) => ring[2 * point + 1]),
      3,
    );
  });
  return { first, last, upper, lower };
}

/**
 * Over each pixel of a box: how far below it the edge of the upper lid is, how far apart the lids are there, and 1 where
 * the eye and its lashes are.
 *
 * @param {FaceAxes} axes
 * @param {LidEdges} edges
 * @param {Places} ring
 * @param {number} left
 * @param {number} top
 * @param {number} width
 * @param {number} height
 */
function lidsOver(axes, edges, ring, left, top, width, height) {
  const [above, opening, hole] = [0, 1, 2].map(() => blank(width, height, 1));
  for (let at = 0; at < width * height; at++) {
    const [u, v] = axes.faceAt(left + (at % width), top + Math.floor(at / width));
    const share = clip((u - edges.first) / (edges.last - edges.first), 0, 1);
    const [upper, lower] = [polynomial(edges.upper, share), polynomial(edges.lower, share)];
    above.data[at] = upper - v;
    opening.data[at] = Math.max(lower - upper, 0);
    const aside = Math.max(ring[0] - u, u - ring[6]);
    const slim = Math.sqrt(clip(1 - Math.max(aside, 0) / ASIDE, 0, 1));
    hole.data[at] = Number(aside < ASIDE && v > upper - LASHES_ABOVE * slim && v < lower + LASHES_BELOW * slim);
  }
  return { above: above.data, opening: opening.data, hole };
}

/**
 * The skin round an eye drawn over it.
 *
 * @param {Raster} shown
 * @param {Raster} hole
 */
function filledLid(shown, hole) {
  const width = Math.min(FILL_PX, shown.width);
  const height = Math.max(4, Math.round(shown.height * Math.min(1, FILL_PX / shown.width)));
  const mask = Uint8Array.from(shrunk(hole, width, height).data, (share) => Number(share > 0.02));
  const filled = inpainted(shrunk(shown, width, height), mask, 4);
  const smooth = blurred(filled, 2);
  filled.data.forEach((_, at) => {
    if (mask[Math.floor(at / 3)]) filled.data[at] = smooth.data[at];
  });
  return enlarged(filled, shown.width, shown.height);
}

/**
 * A lid under the light, with its cover, RGBA.
 *
 * @param {Raster} lid
 * @param {{ above: Float32Array, opening: Float32Array }} lids
 * @param {Raster} cover
 * @param {number} grain
 */
function rounded(lid, { above, opening }, cover, grain) {
  const next = noise(0);
  const found = new Uint8ClampedArray(4 * above.length);
  above.forEach((up, at) => {
    const down = clip(-up / Math.max(opening[at], 1e-3), -1, 1);
    const crease = 0.1 * Math.exp(-((up / 0.012) ** 2)) * eased(opening[at] / 0.03);
    const [light, speck] = [1.07 - 0.16 * (down - 0.35) ** 2 - crease, grain * next()];
    for (let part = 0; part < 3; part++) found[4 * at + part] = lid.data[3 * at + part] * light + speck;
    found[4 * at + 3] = 255 * cover.data[at];
  });
  return found;
}

/**
 * Colours on a grid over the open eye.
 *
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} ring
 * @returns {number[][]}
 */
function eyePixels(picture, axes, ring) {
  const [upper, lower] = [UPPER_LID, LOWER_LID].map((points) => (/** @type {number} */ share) => {
    return [0, 1].map((axis) =>
      interpolated(
        share,
        [0, 0.35, 0.65, 1],
        points.map((point) => ring[2 * point + axis]),
      ),
    );
  });
  const places = linspace(0.2, 0.8, 5).flatMap((down) => {
    return linspace(0.12, 0.88, 15).map((share) => {
      const [above, below] = [upper(share), lower(share)];
      return above.map((at, axis) => at + (below[axis] - at) * down);
    });
  });
  return coloursAt(picture, axes, places);
}

/**
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} ring
 */
function isSeen(picture, axes, ring) {
  const levels = eyePixels(picture, axes, ring).map(mean);
  return quantile(levels, 0.95) > LIGHTEST_LEAST * quantile(levels, 0.05) + 8;
}

/**
 * The dark of the upper lid's edge.
 *
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} ring
 */
function lashColour(picture, axes, ring) {
  const places = linspace(0, 1, 9).flatMap((share) => {
    const middle = [2, 3].map((axis) => ring[axis] + (ring[axis + 2] - ring[axis]) * share);
    return [-0.012, 0, 0.012].map((down) => [middle[0], middle[1] + down]);
  });
  return byChannel(coloursAt(picture, axes, places), (levels) => quantile(levels, 0.15));
}

/**
 * The colour of the whites of the eyes where one is open.
 *
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} face
 */
export function eyeWhite(picture, axes, face) {
  const pixels = RINGS.flatMap((points) => {
    const ring = chosenPoints(face, points);
    return highOf(ring)[1] - lowOf(ring)[1] > OPEN_LEAST ? eyePixels(picture, axes, ring) : [];
  });
  if (pixels.length === 0) return null;
  const levels = pixels.map(mean);
  const [low, high] = [quantile(levels, 0.75), quantile(levels, 0.95)];
  const lightest = pixels.filter((_, at) => levels[at] > low && levels[at] < high);
  return lightest.length ? byChannel(lightest, mean) : null;
}
