/**
 * How a head is turned, from the points that follow it alone, as src/kfusion/motion/head_pose.py tells it: the picture
 * of a relief under rotation, scale and shift. Whether it nods, so few points do not tell: the pitch is 0.
 */

import { DEPTH, toMeanFace } from "./face_shapes.js";
import { mapped, STABLE_POINTS } from "./plane.js";

/** Angles up to this are none, and larger ones smaller by as much: the points of a still head tremble. */
const STILL = Math.PI / 180;

/** @typedef {[number, number, number]} Angles yaw, pitch and roll in radians: to its left, up, to its left */

/** Reads the head's rotation away from a resting face, which itself counts as looking straight ahead. */
export class HeadReader {
  /** @param {ArrayLike<number>} rest */
  constructor(rest) {
    this._place = toMeanFace(rest);
    const flat = stablePoints(mapped(this._place, rest));
    const relief = centred(flat.map(([x, y], number) => [x, y, DEPTH[STABLE_POINTS[number]]]));
    this._solve = pseudoInverse(relief);
  }

  /**
   * The angles of points in the frame of the resting face; exactly 0 where the head is still.
   * @param {ArrayLike<number>} points
   * @returns {Angles}
   */
  read(points) {
    const seen = centred(stablePoints(mapped(this._place, points)));
    const camera = [0, 1].map((axis) =>
      this._solve.map((row) =>
        dot(
          row,
          seen.map((point) => point[axis]),
        ),
      ),
    );
    const [first, second] = nearestRotation(camera);
    const yaw = Math.atan2(-first[2], first[0] * second[1] - first[1] * second[0]);
    const roll = Math.atan2(-first[1], second[1]);
    return [beyondStill(yaw), 0, beyondStill(roll)];
  }
}

/** @param {number} angle */
function beyondStill(angle) {
  return Math.fround(Math.sign(angle) * Math.max(Math.abs(angle) - STILL, 0)) + 0; // never -0
}

/** @param {ArrayLike<number>} points */
function stablePoints(points) {
  return STABLE_POINTS.map((point) => [points[2 * point], points[2 * point + 1]]);
}

/** @param {number[][]} rows */
function centred(rows) {
  const mean = rows[0].map((_, column) => rows.reduce((total, row) => total + row[column], 0) / rows.length);
  return rows.map((row) => row.map((value, column) => value - mean[column]));
}

/**
 * Of N rows of three: three rows of N.
 * @param {number[][]} rows
 */
function pseudoInverse(rows) {
  const columns = [0, 1, 2].map((column) => rows.map((row) => row[column]));
  const inverse = inverted(columns.map((one) => columns.map((other) => dot(one, other))));
  return inverse.map((row) => rows.map((point) => dot(row, point)));
}

/**
 * Of a 3 x 3 matrix, by its cofactors.
 * @param {number[][]} m
 */
function inverted(m) {
  const cofactor = (/** @type {number} */ row, /** @type {number} */ column) => {
    const [r, s] = [(row + 1) % 3, (row + 2) % 3];
    const [c, d] = [(column + 1) % 3, (column + 2) % 3];
    return m[r][c] * m[s][d] - m[r][d] * m[s][c];
  };
  const determinant = dot(
    m[0],
    [0, 1, 2].map((column) => cofactor(0, column)),
  );
  return [0, 1, 2].map((row) => [0, 1, 2].map((column) => cofactor(column, row) / determinant));
}

/**
 * Two orthonormal rows nearest to two rows C: the root of (C C^T)^-1 times C, in closed form (Cayley and Hamilton).
 * @param {number[][]} camera
 */
function nearestRotation([one, two]) {
  const [a, b, d] = [dot(one, one), dot(one, two), dot(two, two)];
  const root = Math.sqrt(Math.max(a * d - b * b, 0));
  const trace = Math.sqrt(a + d + 2 * root);
  const scale = 1 / (root * trace);
  const [p, q, r] = [scale * (d + root), -scale * b, scale * (a + root)];
  return [one.map((value, at) => p * value + q * two[at]), one.map((value, at) => q * value + r * two[at])];
}

/** @param {number[]} one @param {number[]} other */
function dot(one, other) {
  return one.reduce((total, value, at) => total + value * other[at], 0);
}
