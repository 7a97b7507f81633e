/**
 * What is drawn of a mouth beside its lips, made once a portrait: its cavity, and teeth of its own:
 * `kfusion.picture.mouth`.
 */

import { makeCavity } from "./cavity.js";
import { inpainted } from "./inpaint.js";
import { covered, distances } from "./polygon.js";
import { openingOutline } from "./portrait_mouth.js";
import { blurred, cut } from "./raster.js";
import { highOf, lowOf } from "./stage.js";

/** @typedef {import("./anatomy.js").FaceAxes} FaceAxes */
/** @typedef {import("./anatomy.js").Places} Places */
/** @typedef {import("./cavity.js").Cavity} Cavity */
/** @typedef {import("./light.js").Light} Light */
/** @typedef {import("./portrait_mouth.js").PortraitMouth} PortraitMouth */
/** @typedef {import("./raster.js").Raster} Raster */

/** How far round the middle of the mouth every pixel is looked at, in eye distances. */
export const ROUND = [0.52, 0.3];

/**
 * @typedef {object} MouthPlates What lies behind the lips, over a box of the portrait.
 * @property {number} left
 * @property {number} top
 * @property {Cavity} cavity
 * @property {Uint8ClampedArray | null} own RGBA: what an open mouth shows, with its cover
 */

/**
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {PortraitMouth} shown
 * @param {Places} seam
 * @param {Light} light
 * @param {number} seed
 * @returns {MouthPlates}
 */
export function mouthPlates(picture, axes, shown, seam, light, seed) {
  const at = 2 * (seam.length >> 2);
  const middle = [seam[at], seam[at + 1]];
  const corners = axes.toPixels(cornersRound(middle));
  const [left, top] = lowOf(corners).map(Math.floor);
  const [width, height] = highOf(corners).map((high, axis) => Math.ceil(high) - [left, top][axis]);
  const placeOf = (/** @type {number} */ x, /** @type {number} */ y) => {
    const [u, v] = axes.faceAt(left + x, top + y);
    return [u - middle[0], v - middle[1]];
  };
  const cavity = makeCavity(width, height, placeOf, [-shown.gap / 2, shown.gap / 2], light, axes.unitPx, seed);
  const own = shown.teeth ? ownTeeth(picture, axes, shown.face, light, { left, top, width, height }) : null;
  return { left, top, cavity, own };
}

/**
 * The corners of what is looked at round a middle.
 *
 * @param {number[]} middle
 */
export const cornersRound = ([u, v]) =>
  [-1, 1].flatMap((down) => [-1, 1].flatMap((aside) => [u + aside * ROUND[0], v + down * ROUND[1]]));

/**
 * What the open mouth of a portrait shows, its rim filled from inside and outside, RGBA.
 *
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} face
 * @param {Light} light
 * @param {{ left: number, top: number, width: number, height: number }} box
 */
function ownTeeth(picture, axes, face, light, { left, top, width, height }) {
  const away = distances(axes.toPixels(openingOutline(face)), width, height, [left, top]);
  const edge = Math.max(1, Math.round(0.014 * axes.unitPx));
  const rim = Uint8Array.from(away.data, (distance) =>
    Number(covered(distance + edge) < 1 && covered(distance - edge) > 0),
  );
  const filled = inpainted(cut(picture, left, top, width, height, 3), rim, edge + 1);
  const cover = blurred({ ...away, data: away.data.map(covered) }, Math.max(0.7, light.blurPx));
  const found = new Uint8ClampedArray(4 * width * height);
  cover.data.forEach((share, at) => {
    for (let part = 0; part < 3; part++) found[4 * at + part] = filled.data[3 * at + part];
    found[4 * at + 3] = 255 * share;
  });
  return found;
}
