/**
 * The mouth of a portrait as it is: its seam, whether it shows teeth, the colours that are to be matched:
 * `kfusion.picture.portrait_mouth` again.
 */

import { LIP_PAIRS, UPPER_INNER, chosenPoints, clip, curve, joinPair, lipGap, settledLips } from "./anatomy.js";
import { covered, distances } from "./polygon.js";
import { blurred, byChannel, colourAt, cut, greyOf, linspace, mean, median, spread } from "./raster.js";
import { openingEdges } from "./seam.js";
import { fittedPolynomial, polynomial } from "./solve.js";
import { highOf, lowOf } from "./stage.js";

/** @typedef {import("./anatomy.js").FaceAxes} FaceAxes */
/** @typedef {import("./anatomy.js").Places} Places */
/** @typedef {import("./raster.js").Raster} Raster */

/**
 * @typedef {object} PortraitMouth What a portrait shows of its mouth.
 * @property {Places} face its landmarks in face coordinates, those of shut lips on the dark line between them
 * @property {Places} reference what moving landmarks are measured from
 * @property {number} gap between the inner lips, 0 where they are shut
 * @property {boolean} teeth whether it shows teeth of its own
 */

/** Lips of a portrait that are farther apart, in eye distances, are not shut. */
const PARTED = 0.02;
/** From this gap on, a portrait's own teeth are used. */
const TOOTHED = 0.065;
/** How far from the landmarks the seam of shut lips is looked for. */
const SEARCH = 0.025;
const OUTLINE = 24;
const TEETH_SHARE = 0.22;
/** Corner of the eye and wing of the mouth of each side. */
export const CHEEKS = [
  [36, 48],
  [45, 54],
];

/**
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} face
 * @returns {PortraitMouth}
 */
export function portraitMouth(picture, axes, face) {
  const gap = lipGap(face);
  if (gap >= PARTED) {
    return { face, reference: face, gap, teeth: gap >= TOOTHED && showsTeeth(picture, axes, face) };
  }
  const reference = settledLips(face);
  for (const [upper, lower] of LIP_PAIRS) joinPair(reference, upper, lower, 1);
  return { face: onTheSeam(picture, axes, reference), reference, gap: 0, teeth: false };
}

/**
 * A face with shut lips whose inner lips lie on the darkest line near them, a parabola above the landmarks' own.
 *
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} face
 */
function onTheSeam(picture, axes, face) {
  const across = linspace(0.12, 0.88, 25);
  const whole = curve(chosenPoints(face, UPPER_INNER), 101);
  const shifts = linspace(-SEARCH, SEARCH, 21);
  const line = across.map((share) => 2 * Math.round(share * 100)).map((at) => [whole[at], whole[at + 1]]);
  const darkness = darknessAlong(picture, axes, line, shifts);
  const found = darkness.map((row) => {
    return row.reduce((sum, dark, at) => sum + dark * shifts[at], 0) / row.reduce((sum, dark) => sum + dark, 0);
  });
  const bend = fittedPolynomial(
    across,
    found,
    2,
    darkness.map((row) => Math.max(...row)),
  );
  const moved = face.slice();
  LIP_PAIRS.forEach((pair, at) => {
    const shift = clip(polynomial(bend, 0.25 * (at + 1)), -SEARCH, SEARCH);
    for (const point of pair) moved[2 * point + 1] += shift;
  });
  return moved;
}

/**
 * How dark the portrait is above and below each place of a line.
 *
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {number[][]} line
 * @param {number[]} shifts
 */
function darknessAlong(picture, axes, line, shifts) {
  const places = axes.toPixels(line.flatMap(([u, v]) => shifts.flatMap((shift) => [u, v + shift])));
  const deviation = Math.max(0.5, 0.006 * axes.unitPx);
  const [left, top] = lowOf(places).map((low) => Math.floor(low - 4 * deviation) - 1);
  const [width, height] = highOf(places).map((high, axis) => Math.ceil(high + 4 * deviation) + 2 - [left, top][axis]);
  const grey = blurred(greyOf(cut(picture, left, top, width, height)), deviation);
  return line.map((_, row) => {
    const profile = shifts.map((_, at) => {
      const place = 2 * (row * shifts.length + at);
      return colourAt(grey, places[place] - left, places[place + 1] - top)[0];
    });
    const middle = median(profile);
    return profile.map((level) => Math.max(middle - level, 0) ** 2 + 1e-3);
  });
}

/**
 * The outline of what lies between the inner lips.
 *
 * @param {Places} face
 * @returns {Places}
 */
export function openingOutline(face) {
  const { upper, lower } = openingEdges(face, OUTLINE);
  const back = [];
  for (let at = lower.length - 2; at >= 0; at -= 2) back.push(lower[at], lower[at + 1]);
  return Float64Array.from([...upper, ...back]);
}

/**
 * Whether a good part of the open mouth is as bright as the skin and less coloured than the lips.
 *
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} face
 */
function showsTeeth(picture, axes, face) {
  const inside = pixelsInside(picture, axes, face);
  const light = Math.max(...skinColour(picture, axes, face));
  const pale = inside.filter((colour) => {
    return Math.max(...colour) > 0.75 * light && spread(colour) < 0.45 * Math.max(...colour);
  });
  return pale.length > TEETH_SHARE * inside.length;
}

/**
 * The pixels between the inner lips.
 *
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} face
 * @returns {number[][]}
 */
function pixelsInside(picture, axes, face) {
  const outline = axes.toPixels(openingOutline(face));
  const low = lowOf(outline).map((at) => Math.floor(at) - 1);
  const [width, height] = highOf(outline).map((at, axis) => Math.ceil(at) + 2 - low[axis]);
  const away = distances(outline, width, height, low);
  const found = [];
  for (let at = 0; at < away.data.length; at++) {
    const [x, y] = [low[0] + (at % width), low[1] + Math.floor(at / width)];
    if (covered(away.data[at]) > 0.5) found.push(colourAt(picture, x, y));
  }
  return found;
}

/**
 * The typical colour of both cheeks.
 *
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} face
 */
export const skinColour = (picture, axes, face) => byChannel(cheekColours(picture, axes, face), mean);

/**
 * The typical colour of the right and of the left cheek.
 *
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {Places} face
 */
export const cheekColours = (picture, axes, face) =>
  CHEEKS.map(([corner, wing]) => patch(picture, axes, between(face, corner, wing), 0.08));

/**
 * @param {Places} face
 * @param {number} first
 * @param {number} second
 */
export const between = (face, first, second) => [
  (face[2 * first] + face[2 * second]) / 2,
  (face[2 * first + 1] + face[2 * second + 1]) / 2,
];

/**
 * The median colour round a place of the face.
 *
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {number[]} middle
 * @param {number} reach
 */
export function patch(picture, axes, middle, reach) {
  const side = linspace(-reach, reach, 9);
  const places = side.flatMap((v) => side.map((u) => [middle[0] + u, middle[1] + v]));
  return byChannel(coloursAt(picture, axes, places), median);
}

/**
 * Colours at places of the face.
 *
 * @param {Raster} picture
 * @param {FaceAxes} axes
 * @param {number[][]} places
 */
export const coloursAt = (picture, axes, places) =>
  places.map((place) => {
    const [x, y] = axes.toPixels(place);
    return colourAt(picture, x, y);
  });
