/**
 * The light of a portrait: the colours, sharpness and grain that whatever is made for it must have:
 * `kfusion.picture.light` again.
 */

import { clip } from "./anatomy.js";
import { CHEEKS, between, cheekColours, patch } from "./portrait_mouth.js";
import { blurred, byChannel, cut, greyOf, mean, median, reflected, spread } from "./raster.js";
import { highOf, lowOf } from "./stage.js";

/** @typedef {import("./anatomy.js").FaceAxes} FaceAxes */
/** @typedef {import("./anatomy.js").Places} Places */
/** @typedef {import("./raster.js").Raster} Raster */

/**
 * @typedef {object} Light What a portrait is painted with.
 * @property {number[]} teeth RGB
 * @property {number[]} lips RGB
 * @property {number} slope how much brighter the cheek in the picture's right is, over the mean, per eye distance
 * @property {number} blurPx
 * @property {number} grain standard deviation of the noise, of 255
 * @property {boolean} coloured whether the portrait has colours
 */

/** The colour of skin in white light, its mean 1. */
const SKIN = [1.24, 0.96, 0.8];
const IVORY = [1.03, 1.0, 0.92];
/** How much of the light's own colour teeth take on. */
const TINTED = 0.6;
/** Light is not believed to be bluer: pale skin and painted skin look as if it were. */
const LEAST_RED = 0.97;
const MOST_BLUE = 1.02;
const COLOURLESS = 10;
const MOST_TINT = 9;
/** Slopes are counted by steps of an eighth; the steepest of 8-bit pictures is 1443. */
const A_LEVEL = 8;
const LEVELS = 1443 * A_LEVEL;

/**
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} face
 * @param {number[] | null} eyeWhite
 * @returns {Light}
 */
export function lightOf(picture, axes, face, eyeWhite) {
  const cheeks = cheekColours(picture, axes, face);
  const skin = byChannel(cheeks, mean);
  const coloured = spread(skin) > COLOURLESS;
  const [right, left] = cheeks.map(mean);
  const lips = [
    [57, 66],
    [51, 62],
  ].map(([outer, inner]) => patch(picture, axes, between(face, outer, inner), 0.02));
  return {
    teeth: teethColour(skin, coloured ? eyeWhite : null, coloured),
    lips: byChannel(lips, mean),
    slope: clip((left - right) / Math.max(left + right, 1) / 0.6, -0.8, 0.8),
    blurPx: sharpnessPx(picture, axes, face),
    grain: grainOf(picture, axes, face),
    coloured,
  };
}

/**
 * A colour with its red, green and blue multiplied; all by the same where the portrait is grey.
 *
 * @param {Light} light
 * @param {number[]} colour
 * @param {number[]} factors
 */
export const tinted = (light, colour, factors) =>
  colour.map((value, part) => value * (light.coloured ? factors[part] : mean(factors)));

/**
 * Ivory in the light that falls on the skin, about as light as the whites of the eyes.
 *
 * @param {number[]} skin
 * @param {number[] | null} eyeWhite
 * @param {boolean} coloured
 */
function teethColour(skin, eyeWhite, coloured) {
  let level = clip(mean(skin) * 1.18, 70, 220);
  let tint = coloured ? skin.map((value, part) => value / SKIN[part]) : skin;
  tint = tint.map((value) => value / mean(tint));
  tint = [clip(tint[0], LEAST_RED, MOST_TINT), clip(tint[1], 0, MOST_TINT), clip(tint[2], 0, MOST_BLUE)];
  if (eyeWhite) {
    const white = mean(eyeWhite);
    level = clip(0.4 * level + 0.7 * white, 0.95 * level, 1.7 * level);
    tint = tint.map((value, part) => (value + eyeWhite[part] / Math.max(white, 1)) / 2);
  }
  return tint.map((value, part) => {
    return Math.min((1 - TINTED + TINTED * value) * (coloured ? IVORY[part] : 1) * level, 238);
  });
}

/**
 * The blur of the sharpest edges of the face, in pixels (Zhuo and Sim 2011): how much a second blur softens them.
 *
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} face
 */
function sharpnessPx(picture, axes, face) {
  const pixels = axes.toPixels(face);
  const [left, top] = lowOf(pixels).map((low) => Math.max(Math.trunc(low), 0));
  const [right, bottom] = highOf(pixels).map((high) => Math.trunc(high) + 1);
  const size = [Math.min(right, picture.width) - left, Math.min(bottom, picture.height) - top];
  const grey = greyOf(cut(picture, left, top, size[0], size[1]));
  const [steep, softened] = [grey, blurred(grey, 1)].map(steepest);
  const ratio = Math.max(steep / Math.max(softened, 1e-3), 1.02);
  return clip(1 / Math.sqrt(ratio * ratio - 1), 0.4, 4);
}

/**
 * The steepest slope but for few (Sobel).
 *
 * @param {Raster} grey
 */
function steepest({ width, height, data }) {
  const counts = new Uint32Array(LEVELS);
  for (let y = 0; y < height; y++) {
    const above = reflected(y - 1, height) * width;
    const below = reflected(y + 1, height) * width;
    for (let x = 0; x < width; x++) {
      const left = reflected(x - 1, width);
      const right = reflected(x + 1, width);
      const falling = data[below + right] - data[above + left];
      const rising = data[above + right] - data[below + left];
      const across = falling + rising + 2 * (data[y * width + right] - data[y * width + left]);
      const down = falling - rising + 2 * (data[below + x] - data[above + x]);
      counts[Math.floor(A_LEVEL * Math.sqrt(across * across + down * down))]++;
    }
  }
  let steeper = 0.005 * width * height;
  let level = LEVELS - 1;
  while (level > 0 && (steeper -= counts[level]) > 0) level--;
  return (level + 0.5) / A_LEVEL;
}

/**
 * The standard deviation of the noise on the cheeks, of 255 (Immerkaer 1996).
 *
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} face
 */
function grainOf(picture, axes, face) {
  const reach = Math.round(0.09 * axes.unitPx);
  const found = CHEEKS.map(([corner, wing]) => {
    const [x, y] = axes.toPixels(between(face, corner, wing)).map(Math.round);
    const side = 2 * reach + 1;
    const { data } = greyOf(cut(picture, x - reach, y - reach, side, side));
    return median(residuals(data, side)) / 6 / 0.6745;
  });
  return Math.min(...found);
}

/**
 * What the neighbours of each pixel do not tell of it.
 *
 * @param {Float32Array} data
 * @param {number} width
 */
function residuals(data, width) {
  const found = [];
  for (let y = 1; y < data.length / width - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x;
      const corners = data[at - width - 1] + data[at - width + 1] + data[at + width - 1] + data[at + width + 1];
      const sides = data[at - width] + data[at - 1] + data[at + 1] + data[at + width];
      found.push(Math.abs(corners - 2 * sides + 4 * data[at]));
    }
  }
  return found;
}
