/** Maps of the plane that keep shape, and the points that follow the head alone. */

import { EYE_CORNERS, INNER_LIPS, POINT_COUNT, range } from "../speech/landmarks.js";

/** @typedef {import("../types.js").Points} Points */

/** Eye corners and nose bridge: they follow the head, not the speech. */
export const STABLE_POINTS = [36, 39, 42, 45, 27, 28, 29, 30];
const ALL = range(0, POINT_COUNT);

/**
 * @typedef {object} Similarity x' = a x - b y + offsetX, y' = b x + a y + offsetY.
 * @property {number} a
 * @property {number} b
 * @property {number} offsetX
 * @property {number} offsetY
 */

/**
 * The similarity that brings points nearest to others in the least-squares sense (Umeyama 1991, no reflection).
 * @param {ArrayLike<number>} source 136 numbers
 * @param {ArrayLike<number>} target 136 numbers
 * @param {number[]} among the points that count
 * @returns {Similarity}
 */
export function fitSimilarity(source, target, among = ALL) {
  const [sourceX, sourceY] = middle(source, among);
  const [targetX, targetY] = middle(target, among);
  let power = 0;
  let real = 0;
  let imaginary = 0;
  for (const point of among) {
    const x = source[2 * point] - sourceX;
    const y = source[2 * point + 1] - sourceY;
    const toX = target[2 * point] - targetX;
    const toY = target[2 * point + 1] - targetY;
    power += x * x + y * y;
    real += x * toX + y * toY;
    imaginary += x * toY - y * toX;
  }
  const a = real / power;
  const b = imaginary / power;
  return { a, b, offsetX: targetX - a * sourceX + b * sourceY, offsetY: targetY - b * sourceX - a * sourceY };
}

/**
 * Points after a map.
 * @param {Similarity} map
 * @param {ArrayLike<number>} points
 * @returns {Float32Array}
 */
export function mapped({ a, b, offsetX, offsetY }, points) {
  const result = new Float32Array(points.length);
  for (let at = 0; at < points.length; at += 2) {
    result[at] = a * points[at] - b * points[at + 1] + offsetX;
    result[at + 1] = b * points[at] + a * points[at + 1] + offsetY;
  }
  return result;
}

/**
 * Points of one frame, moved so that the stable ones meet those of a reference.
 * @param {ArrayLike<number>} points
 * @param {ArrayLike<number>} reference
 */
export function withoutHeadMotion(points, reference) {
  return mapped(fitSimilarity(points, reference, STABLE_POINTS), points);
}

/**
 * How far the inner lips are apart, in eye distances.
 * @param {ArrayLike<number>} points
 */
export function opening(points) {
  return distance(points, INNER_LIPS) / distance(points, EYE_CORNERS);
}

/**
 * @param {ArrayLike<number>} points
 * @param {number[]} pair
 */
function distance(points, [first, second]) {
  return Math.hypot(points[2 * second] - points[2 * first], points[2 * second + 1] - points[2 * first + 1]);
}

/**
 * @param {ArrayLike<number>} points
 * @param {number[]} among
 */
function middle(points, among) {
  let x = 0;
  let y = 0;
  for (const point of among) {
    x += points[2 * point];
    y += points[2 * point + 1];
  }
  return [x / among.length, y / among.length];
}
