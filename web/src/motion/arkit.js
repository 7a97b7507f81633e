/**
 * Landmarks to ARKit weights: bounded least squares on the displacements from the resting face, each frame for itself,
 * as src/kfusion/motion/arkit.py does it and says why.
 */

import { ARKIT_SHAPES, shapeDirections, toMeanFace } from "./face_shapes.js";
import { FACE_SIZE, INNER_LIPS } from "../speech/landmarks.js";
import { withoutHeadMotion } from "./plane.js";
import { Problem } from "./bounded_problem.js";

/** Shapes that are one number with a sign, the second where it is negative: they never fight. */
const OPPOSITE = new Map([
  ["jawLeft", "jawRight"],
  ["mouthLeft", "mouthRight"],
  ["eyeBlinkLeft", "eyeWideLeft"],
  ["eyeBlinkRight", "eyeWideRight"],
]);
/** Shapes that the points show, but not apart from the lip's and the lower lid's. */
const UNTOLD = ["noseSneerLeft", "noseSneerRight", "cheekSquintLeft", "cheekSquintRight"];
/** How dear a shape is, by the start of its name; 1 for the others. @type {[string, number][]} */
const COST = [
  ["mouthFrown", 5],
  ["mouthDimple", 2],
  ["mouthPress", 2],
  ["mouthShrug", 2],
  ["mouthStretch", 5],
  ["jawLeft", 4],
  ["jawOpen", 0.1],
];
/** Weight of a squared weight of cost 1, beside squared displacements of points in eye distances. */
const SHRINK = 5e-5;
/** Weight of the squared difference of a left shape of the mouth from its right one. */
const TIE = 3e-3;
/** Weight of the squared difference of `jawOpen` from the parting of the lips over what it parts them by. */
const JAW = 0.1;
const INNER = [61, 62, 63, 65, 66, 67];
/** Points that move together, [first, end) each: mouth and chin, brows, lids. */
const PARTS = [
  [
    [5, 12],
    [48, 68],
  ],
  [[17, 27]],
  [[36, 48]],
];
/** Mean displacement of the points of a part, in eye distances, that counts as none. */
const TREMBLE = 0.0022;

/** ARKit weights of one face; frames are solved one by one, so that a stream gives what a recording gives. */
export class ArkitSolver {
  /** @param {ArrayLike<number>} rest the face with its mouth closed, in any frame: there every weight is 0 */
  constructor(rest) {
    this._rest = Float32Array.from(rest);
    this._turn = toMeanFace(this._rest);
    const directions = shapeDirections(this._rest);
    const left = new Set([...OPPOSITE.values(), ...UNTOLD]);
    this._names = ARKIT_SHAPES.filter((name) => directions.has(name) && !left.has(name));
    this._reach = joinOpposites(directions);
    const low = this._names.map((name) => -(this._reach.get(name) ?? 0));
    this._problem = posed(
      this._names,
      this._names.map((name) => /** @type {Float64Array} */ (directions.get(name))),
      low,
    );
  }

  /**
   * The 52 weights of points in the frame of the resting face, head motion and all.
   * @param {ArrayLike<number>} points
   * @returns {Float32Array}
   */
  solve(points) {
    const still = withoutHeadMotion(points, this._rest);
    const moved = Float64Array.from(still, (value, at) => value - this._rest[at]);
    const solved = this._problem.solve(withoutTremble(turned(this._turn, moved)));
    const weights = new Float32Array(ARKIT_SHAPES.length);
    this._names.forEach((name, number) => {
      const value = solved[number];
      weights[ARKIT_SHAPES.indexOf(name)] = Math.max(value, 0);
      const other = OPPOSITE.get(name);
      const reach = this._reach.get(name);
      if (other && reach) weights[ARKIT_SHAPES.indexOf(other)] = Math.max(-value, 0) / reach;
    });
    return weights;
  }
}

/**
 * Makes the first of each pair of opposites the mean of both, and says how far the second goes, in lengths of the first.
 * @param {Map<string, Float64Array>} directions
 */
function joinOpposites(directions) {
  const reach = new Map();
  for (const [name, other] of OPPOSITE) {
    const one = /** @type {Float64Array} */ (directions.get(name));
    const against = /** @type {Float64Array} */ (directions.get(other));
    const share = Math.hypot(...against) / Math.hypot(...one);
    reach.set(name, share);
    directions.set(
      name,
      one.map((value, at) => (value - against[at] / share) / 2),
    );
  }
  return reach;
}

/**
 * The problem for shapes that move the points along `directions`, with weights from `low` to 1.
 * @param {string[]} names
 * @param {Float64Array[]} directions
 * @param {number[]} low
 */
function posed(names, directions, low) {
  const count = names.length;
  const importance = importanceOfCoordinates();
  const linear = directions.map((one) => one.map((value, at) => value * importance[at]));
  const gram = directions.map((one) => Float64Array.from(linear, (other) => dot(one, other)));
  names.forEach((name, number) => (gram[number][number] += SHRINK * cost(name) ** 2));
  tie(names, gram);
  const jaw = names.indexOf("jawOpen");
  const row = parting();
  const parts = dot(row, directions[jaw]);
  gram[jaw][jaw] += JAW;
  linear[jaw] = linear[jaw].map((value, at) => value + (JAW * row[at]) / parts);
  const scale = Float64Array.from({ length: count }, (_, number) => Math.sqrt(gram[number][number]));
  return new Problem({
    gram: gram.map((line, one) => line.map((value, other) => value / (scale[one] * scale[other]))),
    fromPoints: linear.map((line, number) => line.map((value) => value / scale[number])),
    low: scale.map((value, number) => low[number] * value),
    high: scale,
  });
}

/**
 * Holds left and right of the mouth together.
 * @param {string[]} names
 * @param {Float64Array[]} gram
 */
function tie(names, gram) {
  names.forEach((name, left) => {
    if (!name.startsWith("mouth") || !name.endsWith("Left") || OPPOSITE.has(name)) return;
    const right = names.indexOf(`${name.slice(0, -"Left".length)}Right`);
    gram[left][left] += TIE;
    gram[right][right] += TIE;
    gram[left][right] -= TIE;
    gram[right][left] -= TIE;
  });
}

/** What takes displacements to how much further the inner lips are apart. */
function parting() {
  const row = new Float64Array(FACE_SIZE);
  row[2 * INNER_LIPS[0] + 1] = -1;
  row[2 * INNER_LIPS[1] + 1] = 1;
  return row;
}

/** @param {string} name */
function cost(name) {
  return COST.find(([start]) => name.startsWith(start))?.[1] ?? 1;
}

/** How much the square of each coordinate's displacement counts. */
function importanceOfCoordinates() {
  const importance = new Float64Array(FACE_SIZE);
  importance.fill(0.05, 2 * 5, 2 * 12);
  importance.fill(1, 2 * 17, 2 * 27);
  importance.fill(1, 2 * 36, 2 * 68);
  for (const point of INNER) importance.fill(1.5, 2 * point, 2 * point + 2);
  return importance;
}

/**
 * Displacements in which each part of the face moves by less, or not at all where it only trembled.
 * @param {Float64Array} displacement
 */
function withoutTremble(displacement) {
  const still = new Float64Array(FACE_SIZE);
  for (const ranges of PARTS) {
    let square = 0;
    let count = 0;
    for (const [first, end] of ranges) {
      for (let at = 2 * first; at < 2 * end; at++) square += displacement[at] ** 2;
      count += end - first;
    }
    const share = Math.max(0, 1 - (TREMBLE / Math.max(Math.sqrt(square / count), 1e-9)) ** 2);
    for (const [first, end] of ranges)
      for (let at = 2 * first; at < 2 * end; at++) still[at] = share * displacement[at];
  }
  return still;
}

/**
 * @param {import("./plane.js").Similarity} map of which rotation and scale count
 * @param {Float64Array} moved
 */
function turned({ a, b }, moved) {
  const result = new Float64Array(moved.length);
  for (let at = 0; at < moved.length; at += 2) {
    result[at] = a * moved[at] - b * moved[at + 1];
    result[at + 1] = b * moved[at] + a * moved[at + 1];
  }
  return result;
}

/** @param {Float64Array} one @param {Float64Array} other */
function dot(one, other) {
  let total = 0;
  for (let at = 0; at < one.length; at++) total += one[at] * other[at];
  return total;
}
