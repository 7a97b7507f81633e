/**
 * The inside of a mouth: teeth, tongue and dark, made to fit the light, colour, sharpness and grain of a portrait:
 * `kfusion.picture.cavity` again.
 *
 * Places are measured from the middle of the mouth at rest, in eye distances (90 mm in an adult): `across` to the
 * picture's right, `down` from the line where the lips meet. Widths of teeth: Wheeler's Dental Anatomy; the upper ones
 * show 2 mm below the upper lip at rest (Vig and Brundo 1978).
 */

import { clip } from "./anatomy.js";
import { tinted } from "./light.js";
import { blank, blurred, noise } from "./raster.js";

/** @typedef {import("./light.js").Light} Light */
/** @typedef {import("./raster.js").Raster} Raster */

const MM = 1 / 90;
/**
 * A row of teeth from the middle to the side: widths as seen from the front, lengths, and how far their edges stay behind
 * that of the first one.
 *
 * @typedef {{ widths: number[], lengths: number[] }} Row
 */
/** @type {Row} */
const UPPER = {
  widths: [8.5, 6.6, 6.8, 5.2, 4.6, 4.0].map((mm) => mm * MM),
  lengths: [10.0, 8.6, 9.6, 8.0, 7.4, 7.0].map((mm) => mm * MM),
};
/** @type {Row} */
const LOWER = {
  widths: [5.2, 5.6, 6.2, 5.4, 4.6, 4.0].map((mm) => mm * MM),
  lengths: [8.6, 8.8, 9.4, 8.0, 7.4, 7.0].map((mm) => mm * MM),
};
const BEHIND = [0, 0.7, 0.2, 0.5, 0.6, 0.8].map((mm) => mm * MM);
/** How far the upper teeth reach below the upper lip at rest. */
const UPPER_EDGE = 2.2 * MM;
/** Where the lower teeth begin below the lower lip at rest. */
const LOWER_EDGE = -1.8 * MM;
/** How much of the gap between open lips is due to the upper one. */
const RAISED = 0.15;
/** How far the edges of the teeth bend up to the sides. */
const ARCH = 0.3;
const TONGUE_HALF = 0.22;
const TONGUE_START = -0.115;
const LOWER_LIGHT = 0.8;

/**
 * What lies behind the lips: `dark` (RGB of RGBA), `upper`, which stays with the skull, and `lower`, which goes with the
 * jaw; both RGBA with how much they cover.
 *
 * @typedef {{ dark: Uint8ClampedArray, upper: Uint8ClampedArray, lower: Uint8ClampedArray, width: number,
 *   height: number }} Cavity
 */

/**
 * The cavity of a mouth over a box of pixels.
 *
 * @param {number} width
 * @param {number} height
 * @param {(x: number, y: number) => number[]} placeOf across and down at a pixel of the box
 * @param {number[]} lips where the upper and the lower one end in the middle
 * @param {Light} light
 * @param {number} unitPx
 * @param {number} seed of the grain
 * @returns {Cavity}
 */
export function makeCavity(width, height, placeOf, lips, light, unitPx, seed) {
  const [dark, upper, lower] = [0, 1, 2].map(() => blank(width, height, 4));
  const painter = new Painter(light, 1 / unitPx);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const [across, down] = placeOf(x, y);
      const belowUpper = down - lips[0] - RAISED * (lips[1] - lips[0]);
      painter.dark(dark.data, at, across, belowUpper);
      painter.teeth(upper.data, at, across, UPPER_EDGE - belowUpper, UPPER, 1);
      painter.teeth(lower.data, at, across, down - lips[1] - LOWER_EDGE, LOWER, LOWER_LIGHT);
      painter.tongueBehind(lower.data, at, across, down - lips[1]);
    }
  }
  const [darkDone, upperDone, lowerDone] = [dark, upper, lower].map((plate, at) => finished(plate, light, seed + at));
  return { dark: darkDone, upper: upperDone, lower: lowerDone, width, height };
}

/** Colours of the mouth, pixel by pixel: RGB and the cover, 0 to 255, written at `at`. */
class Painter {
  /**
   * @param {Light} light
   * @param {number} pixel its size in eye distances
   */
  constructor(light, pixel) {
    this._light = light;
    this._pixel = pixel;
    this._dark = tinted(light, light.lips, [1.0, 0.8, 0.8]);
    this._gum = tinted(light, light.lips, [0.82, 0.74, 0.76]);
    this._tongue = tinted(light, light.lips, [1.0, 0.86, 0.88]);
    this._warmth = light.coloured ? [0, 0.015, 0.07] : [0, 0, 0];
  }

  /**
   * @param {Float32Array} plate
   * @param {number} at
   * @param {number} across
   * @param {number} belowUpper
   */
  dark(plate, at, across, belowUpper) {
    const lit = 0.26 + 0.22 * Math.exp(-((across / 0.22) ** 2)) * clip(belowUpper / 0.16, 0, 1);
    for (let part = 0; part < 3; part++) plate[at + part] = this._dark[part] * lit;
    plate[at + 3] = 255;
  }

  /**
   * A row of teeth and its gum.
   *
   * @param {Float32Array} plate
   * @param {number} at
   * @param {number} across
   * @param {number} inward distance from the line of the edges to the roots
   * @param {Row} row
   * @param {number} lit
   */
  teeth(plate, at, across, inward, row, lit) {
    const side = Math.abs(across) * (1 + 0.02 * Math.sign(across));
    const { tooth, start } = toothAt(side, row.widths);
    const width = row.widths[tooth];
    const local = clip(((side - start) / width) * 2 - 1, -1, 1);
    const edge = inward + ARCH * across ** 2 - BEHIND[tooth] - 0.5 * MM * local ** 4;
    const root = edge - row.lengths[tooth] * (1 - 0.16 * local ** 2);
    const shade = this._crownShade(across, edge, local, width) * (1 + this._light.slope * across);
    const gummed = clip(root / (2.5 * this._pixel) + 0.5, 0, 1);
    for (let part = 0; part < 3; part++) {
      const crown = this._light.teeth[part] * shade * (1 - this._warmth[part] * clip(edge / 0.1, 0, 1));
      plate[at + part] = lit * (crown * (1 - gummed) + this._gum[part] * gummed);
    }
    const end = start + width;
    plate[at + 3] = side < end ? 255 * clip(edge / (1.5 * this._pixel) + 0.5, 0, 1) : 0;
  }

  /**
   * Round crowns, thin shadows between them, thinner enamel at the edge, darker to the sides of the mouth.
   *
   * @param {number} across
   * @param {number} edge
   * @param {number} local
   * @param {number} width
   */
  _crownShade(across, edge, local, width) {
    const round = 1 - 0.13 * Math.abs(local) ** 3;
    const fromSide = ((1 - Math.abs(local)) * width) / 2;
    const between = 1 - 0.3 * Math.exp(-fromSide / Math.max(0.5 * this._pixel, 0.25 * MM));
    const enamel = 1 - 0.12 * Math.exp(-Math.max(edge, 0) / (1.2 * MM));
    const corridor = Math.exp(-((Math.abs(across) / 0.3) ** 3));
    return round * between * enamel * (0.25 + 0.75 * corridor);
  }

  /**
   * The tongue behind what a plate already holds.
   *
   * @param {Float32Array} plate
   * @param {number} at
   * @param {number} across
   * @param {number} down below the lower lip
   */
  tongueBehind(plate, at, across, down) {
    const height = (down - TONGUE_START - 1.6 * across ** 2) / 0.12;
    const lit = (0.5 + 0.45 * clip(height, 0, 1)) * (1 - 0.1 * Math.exp(-((across / 0.012) ** 2)));
    const behind = clip(height * 3, 0, 1) * clip((TONGUE_HALF - Math.abs(across)) / 0.06, 0, 1);
    const front = plate[at + 3] / 255;
    const cover = front + behind * (1 - front);
    const share = front / Math.max(cover, 1e-3);
    for (let part = 0; part < 3; part++) {
      plate[at + part] = plate[at + part] * share + this._tongue[part] * lit * (1 - share);
    }
    plate[at + 3] = 255 * cover;
  }
}

/**
 * Which tooth is so far to the side, and where it starts; the last one goes on.
 *
 * @param {number} side
 * @param {number[]} widths
 */
function toothAt(side, widths) {
  let [tooth, start] = [0, 0];
  while (tooth < widths.length - 1 && side > start + widths[tooth]) start += widths[tooth++];
  return { tooth, start };
}

/**
 * A plate as sharp and as grainy as the portrait.
 *
 * @param {Raster} plate
 * @param {Light} light
 * @param {number} seed
 */
function finished(plate, light, seed) {
  const soft = blurred(plate, light.blurPx);
  const next = noise(seed);
  for (let at = 0; at < soft.data.length; at += 4) {
    const grain = light.grain * next();
    for (let part = 0; part < 3; part++) soft.data[at + part] += grain;
  }
  return Uint8ClampedArray.from(soft.data);
}
