/**
 * The axes of a face in a portrait, and lips that meet and never cross: `kfusion.picture.anatomy` again.
 *
 * Points here are pixel indices: the middle of the first pixel is at (0, 0). A face is 136 numbers x0, y0, x1, ...; in
 * face coordinates u goes to the picture's right and v down to the chin, in eye distances.
 */

import { STABLE_POINTS } from "../motion/plane.js";
import { eased } from "../speech/landmarks.js";

/** @typedef {Float64Array} Places points x0, y0, x1, ... */

export const UPPER_INNER = [60, 61, 62, 63, 64];
export const LOWER_INNER = [60, 67, 66, 65, 64];
/** Partners of the inner lips, upper and lower. */
export const LIP_PAIRS = [
  [61, 67],
  [62, 66],
  [63, 65],
];
const OUTER_PAIRS = [
  [50, 58],
  [51, 57],
  [52, 56],
];
/** Lips nearer than this are shut, over the distance between the outer eye corners. */
export const SHUT_GAP = 0.03;
/** From here on the gap is what the landmarks say. */
export const OPEN_GAP = 0.075;
/** How far the outer lips go along where the inner ones are brought together. */
const FOLLOWING = 0.6;
const RIGHT_EYE = 36;
const LEFT_EYE = 45;

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export const clip = (value, low, high) => Math.min(Math.max(value, low), high);

/**
 * Points as pixel indices.
 *
 * @param {ArrayLike<number>} points pixels
 * @returns {Places}
 */
export const indices = (points) => Float64Array.from(points, (at) => at - 0.5);

/** Coordinates of a face. */
export class FaceAxes {
  /** @param {ArrayLike<number>} points 136 pixel indices */
  constructor(points) {
    const [rightX, rightY] = [points[2 * RIGHT_EYE], points[2 * RIGHT_EYE + 1]];
    const [leftX, leftY] = [points[2 * LEFT_EYE], points[2 * LEFT_EYE + 1]];
    /** The distance between the outer eye corners, in pixels. */
    this.unitPx = Math.hypot(leftX - rightX, leftY - rightY);
    /** Between the outer eye corners. */
    this.origin = [(rightX + leftX) / 2, (rightY + leftY) / 2];
    /** Unit length, from the right eye to the left. */
    this.across = [(leftX - rightX) / this.unitPx, (leftY - rightY) / this.unitPx];
    this.down = [-this.across[1], this.across[0]];
  }

  /**
   * Pixels as (u, v).
   *
   * @param {ArrayLike<number>} places
   * @returns {Places}
   */
  toFace(places) {
    return mapped(places, (x, y) => this.faceAt(x, y));
  }

  /**
   * One pixel as (u, v).
   *
   * @param {number} x
   * @param {number} y
   * @returns {[number, number]}
   */
  faceAt(x, y) {
    const [dx, dy] = [(x - this.origin[0]) / this.unitPx, (y - this.origin[1]) / this.unitPx];
    return [dx * this.across[0] + dy * this.across[1], dx * this.down[0] + dy * this.down[1]];
  }

  /**
   * (u, v) as pixels.
   *
   * @param {ArrayLike<number>} places
   * @returns {Places}
   */
  toPixels(places) {
    return mapped(places, (u, v) => [
      this.origin[0] + this.unitPx * (u * this.across[0] + v * this.down[0]),
      this.origin[1] + this.unitPx * (u * this.across[1] + v * this.down[1]),
    ]);
  }
}

/**
 * Every point of `places` by a map of the plane.
 *
 * @param {ArrayLike<number>} places
 * @param {(x: number, y: number) => number[]} map
 * @returns {Places}
 */
export function mapped(places, map) {
  const found = new Float64Array(places.length);
  for (let at = 0; at < places.length; at += 2) {
    const [x, y] = map(places[at], places[at + 1]);
    found[at] = x;
    found[at + 1] = y;
  }
  return found;
}

/**
 * A face without the motion of its head from `rest`: position, size and tilt (Umeyama 1991; in the plane it is one
 * complex division).
 *
 * @param {ArrayLike<number>} points
 * @param {ArrayLike<number>} rest
 */
export function stabilised(points, rest) {
  const [fromX, fromY] = middleOf(points, STABLE_POINTS);
  const [toX, toY] = middleOf(rest, STABLE_POINTS);
  let [power, real, imaginary] = [0, 0, 0];
  for (const point of STABLE_POINTS) {
    const [ax, ay] = [points[2 * point] - fromX, points[2 * point + 1] - fromY];
    const [bx, by] = [rest[2 * point] - toX, rest[2 * point + 1] - toY];
    power += ax * ax + ay * ay;
    real += ax * bx + ay * by;
    imaginary += ax * by - ay * bx;
  }
  [real, imaginary] = [real / power, imaginary / power];
  return mapped(points, (x, y) => [
    real * (x - fromX) - imaginary * (y - fromY) + toX,
    imaginary * (x - fromX) + real * (y - fromY) + toY,
  ]);
}

/**
 * @param {ArrayLike<number>} points
 * @param {number[]} chosen
 * @returns {[number, number]}
 */
export function middleOf(points, chosen) {
  let [x, y] = [0, 0];
  for (const point of chosen) {
    x += points[2 * point] / chosen.length;
    y += points[2 * point + 1] / chosen.length;
  }
  return [x, y];
}

/**
 * How far the middles of the inner lips are apart in face coordinates; negative where they cross.
 *
 * @param {Places} face
 */
export const lipGap = (face) => face[2 * 66 + 1] - face[2 * 62 + 1];

/**
 * A face whose lips are shut where they nearly are, and never cross.
 *
 * @param {Places} face
 * @returns {Places}
 */
export function settledLips(face) {
  const settled = face.slice();
  const share = eased((lipGap(face) - SHUT_GAP) / (OPEN_GAP - SHUT_GAP));
  LIP_PAIRS.forEach(([upper, lower], pair) => {
    const apart = face[2 * lower + 1] - face[2 * upper + 1];
    const closing = (apart - Math.max(apart, 0) * share) / 2;
    const [above, below] = OUTER_PAIRS[pair];
    settled[2 * upper + 1] += closing;
    settled[2 * lower + 1] -= closing;
    settled[2 * above + 1] += FOLLOWING * closing;
    settled[2 * below + 1] -= FOLLOWING * closing;
    if (share === 0) joinPair(settled, upper, lower, 0);
  });
  return settled;
}

/**
 * Give two points their mean in one coordinate.
 *
 * @param {Places} face changed in place
 * @param {number} first
 * @param {number} second
 * @param {0 | 1} axis
 */
export function joinPair(face, first, second, axis) {
  const mean = (face[2 * first + axis] + face[2 * second + axis]) / 2;
  face[2 * first + axis] = face[2 * second + axis] = mean;
}

/**
 * Some points of a face.
 *
 * @param {Places} face
 * @param {number[]} chosen
 * @returns {Places}
 */
export function chosenPoints(face, chosen) {
  return Float64Array.from(chosen.flatMap((point) => [face[2 * point], face[2 * point + 1]]));
}

/**
 * `count` places on a smooth line through points, ends kept: a Catmull-Rom spline.
 *
 * @param {Places} points
 * @param {number} count
 * @returns {Places}
 */
export function curve(points, count) {
  const known = points.length / 2;
  const found = new Float64Array(2 * count);
  for (let at = 0; at < count; at++) {
    const place = (at * (known - 1)) / (count - 1);
    const start = Math.min(Math.floor(place), known - 2);
    for (let axis = 0; axis < 2; axis++) {
      const [a, b, c, d] = [-1, 0, 1, 2].map((shift) => extended(points, start + shift, axis));
      found[2 * at + axis] = catmullRom(a, b, c, d, place - start);
    }
  }
  return found;
}

/**
 * @param {Places} points
 * @param {number} index from one before the first to one behind the last
 * @param {number} axis
 */
function extended(points, index, axis) {
  const last = points.length / 2 - 1;
  if (index < 0) return 2 * points[axis] - points[2 + axis];
  if (index > last) return 2 * points[2 * last + axis] - points[2 * last - 2 + axis];
  return points[2 * index + axis];
}

/**
 * @param {number} a
 * @param {number} b
 * @param {number} c
 * @param {number} d
 * @param {number} t
 */
function catmullRom(a, b, c, d, t) {
  return (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t ** 2 + (3 * b - a - 3 * c + d) * t ** 3) / 2;
}
