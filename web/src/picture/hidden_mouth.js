/**
 * Whether a portrait shows a mouth that can talk: a mask, a hand or a microphone before it cannot. What a mouth shows is
 * looked for where the landmarks say that it is: a line between the lips, and lips that are redder than the skin above
 * and below: `kfusion.picture.hidden_mouth` again.
 */

import { FaceAxes, LOWER_INNER, UPPER_INNER, chosenPoints, curve, indices } from "./anatomy.js";
import { blank, blurred, colourAt, cut, linspace, mean } from "./raster.js";
import { highOf, lowOf } from "./stage.js";

/** @typedef {import("./anatomy.js").Places} Places */
/** @typedef {import("./raster.js").Raster} Raster */

/** Of the two halves of the face: farther round, the mouth's far half is not seen well enough to be moved. */
const MAX_SIDE_RATIO = 2.2;
const LEAST_EVIDENCE = 1.2;
const LEAST_GREY_EVIDENCE = 0.45;
/** Percent of the skin's lightness, and levels of redness, that count as 1. */
const LINE_CONTRAST = 12;
const REDNESS = 8;
const COLOURLESS = 3;
const UPPER_OUTER = [48, 49, 50, 51, 52, 53, 54];
const LOWER_OUTER = [48, 59, 58, 57, 56, 55, 54];
const BESIDE = 0.05;
const NEAR_LINE = linspace(-0.03, 0.03, 13);
const CHEEKS = [
  [36, 31],
  [45, 35],
];
const NOSE_BRIDGE = [27, 28, 29, 30];

/**
 * Why the mouth of a portrait cannot talk; empty where it can.
 *
 * @param {Raster} picture RGBA
 * @param {ArrayLike<number>} points 136, pixels
 * @returns {string}
 */
export function whyHidden(picture, points) {
  const axes = new FaceAxes(indices(points));
  const face = axes.toFace(indices(points));
  const ratio = sideRatio(face);
  if (ratio > MAX_SIDE_RATIO) {
    return (
      `the face is turned too far to the side to be drawn talking (one half is ${ratio.toFixed(1)} times the other): ` +
      "pass a picture that looks at the camera"
    );
  }
  const [evidence, least] = mouthEvidence(picture, axes, face);
  if (evidence >= least) return "";
  return (
    `the mouth cannot be seen (lips show ${evidence.toFixed(1)} of the contrast of bare ones, at least ` +
    `${least.toFixed(1)} is needed): pass a picture with nothing before the mouth`
  );
}

/**
 * How many times wider the nearer half of the face is than the other, eye corners to nose bridge.
 *
 * @param {Places} face
 */
function sideRatio(face) {
  const bridge = mean(NOSE_BRIDGE.map((point) => face[2 * point]));
  const [narrow, wide] = [bridge - face[2 * 36], face[2 * 45] - bridge].sort((a, b) => a - b);
  return narrow > 0 ? wide / narrow : Infinity;
}

/**
 * How much of a mouth is seen where its landmarks are, and how much it takes to believe it.
 *
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} face
 * @returns {[number, number]}
 */
export function mouthEvidence(picture, axes, face) {
  const looks = new Looks(picture, axes, face);
  const contrast = looks.lineContrast() / LINE_CONTRAST;
  if (looks.colour < COLOURLESS) return [contrast, LEAST_GREY_EVIDENCE];
  return [contrast + Math.max(0, looks.redness() / REDNESS), LEAST_EVIDENCE];
}

/** Lightness and colours along the lips. */
class Looks {
  /**
   * @param {Raster} picture
   * @param {FaceAxes} axes
   * @param {Places} face
   */
  constructor(picture, axes, face) {
    this._axes = axes;
    this._face = face;
    const corners = axes.toPixels(face).map(Math.trunc);
    this._low = lowOf(corners).map((low) => Math.max(low, 0));
    const size = [picture.width, picture.height].map(
      (end, axis) => Math.min(highOf(corners)[axis] + 2, end) - this._low[axis],
    );
    const seen = cut(picture, this._low[0], this._low[1], Math.max(size[0], 1), Math.max(size[1], 1), 3);
    this._lab = labOf(blurred(seen, Math.max(0.5, 0.008 * axes.unitPx)));
    const [upper, lower, above, below] = [UPPER_INNER, LOWER_INNER, UPPER_OUTER, LOWER_OUTER].map((points) =>
      this._line(points),
    );
    this._middle = halfway(upper, lower);
    this._upper = this._at(halfway(upper, above));
    this._lower = this._at(halfway(lower, below));
    this._above = this._at(above, -BESIDE);
    this._below = this._at(below, BESIDE);
    const cheeks = CHEEKS.map(([eye, nose]) => halfway(chosenPoints(face, [eye]), chosenPoints(face, [nose])));
    this._light = Math.max(20, mean(cheeks.flatMap((cheek) => this._at(cheek)).map(([light]) => light)));
    /** How coloured the face is. */
    this.colour = mean(this._lab.data.filter((_, at) => at % 3 > 0).map(Math.abs));
  }

  /** By how much the line between the lips differs from them, in percent of the skin's lightness. */
  lineContrast() {
    const lips = (channel(this._upper, 0) + channel(this._lower, 0)) / 2;
    const near = NEAR_LINE.map((shift) => channel(this._at(this._middle, shift), 0));
    return (100 * Math.max(lips - Math.min(...near), Math.abs(lips - near[near.length >> 1]))) / this._light;
  }

  /** By how much the lips, or the lower one, are redder than the skin beside them. */
  redness() {
    const lower = channel(this._lower, 1) - channel(this._below, 1);
    return Math.max(lower, (lower + channel(this._upper, 1) - channel(this._above, 1)) / 2);
  }

  /** @param {number[]} points */
  _line(points) {
    return curve(chosenPoints(this._face, points), 30).slice(8, -8);
  }

  /**
   * @param {Places} places
   * @param {number} [shift] down
   */
  _at(places, shift = 0) {
    const where = this._axes.toPixels(places.map((at, index) => at + (index % 2 ? shift : 0)));
    return Array.from({ length: where.length / 2 }, (_, at) => {
      return colourAt(this._lab, where[2 * at] - this._low[0], where[2 * at + 1] - this._low[1]);
    });
  }
}

/**
 * @param {number[][]} colours
 * @param {number} part
 */
const channel = (colours, part) => mean(colours.map((colour) => colour[part]));

/**
 * @param {Places} first
 * @param {Places} second
 */
const halfway = (first, second) => first.map((at, index) => (at + second[index]) / 2);

/**
 * Colours as CIE L*a*b* (D65), the lightness from 0 to 255.
 *
 * @param {Raster} picture RGB
 */
function labOf(picture) {
  const lab = blank(picture.width, picture.height, 3);
  for (let at = 0; at < lab.data.length; at += 3) {
    const [red, green, blue] = [0, 1, 2].map((part) => linear(picture.data[at + part] / 255));
    const x = root((0.412453 * red + 0.35758 * green + 0.180423 * blue) / 0.950456);
    const y = root(0.212671 * red + 0.71516 * green + 0.072169 * blue);
    const z = root((0.019334 * red + 0.119193 * green + 0.950227 * blue) / 1.088754);
    lab.data[at] = 2.55 * (116 * y - 16);
    lab.data[at + 1] = 500 * (x - y);
    lab.data[at + 2] = 200 * (y - z);
  }
  return lab;
}

/**
 * Light of a value of sRGB.
 *
 * @param {number} value
 */
const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

/** @param {number} value */
const root = (value) => (value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116);
