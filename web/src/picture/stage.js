/**
 * The part of a portrait that is drawn anew: the face alone, or the whole head where it sways:
 * `kfusion.picture.stage`.
 */

import { eased } from "../speech/landmarks.js";
import { clip, mapped } from "./anatomy.js";
import { Grid } from "./field.js";
import { distanceTo } from "./polygon.js";

/** @typedef {import("../types.js").LifeSigns} LifeSigns */
/** @typedef {import("./anatomy.js").FaceAxes} FaceAxes */
/** @typedef {import("./anatomy.js").Places} Places */
/** @typedef {{ grid: Grid, mask: Float32Array }} Stage a part of the picture, and how much of it moves */

/** Where motion has faded away, in eye distances from the jaw: beside the face, and below its chin. */
const BESIDE = 0.16;
const BELOW = 0.42;
const FOREHEAD = 0.25;
const MARGIN = BELOW + 2 / 16;
/** Half the width and height of what moves with the head as one, in eye distances. */
const HEAD = [1.25, 1.75];
/** Where the head's motion has faded away, over the size of the head. */
const BODY = 2.1;
/** It has faded away at the frame of the picture, too, within this distance. */
const FRAME = 0.3;
const NECK = Float64Array.of(0, 1.3);
const [CHIN, NOSE, JAW_END, BROWS_END] = [8, 33, 17, 27];

/**
 * The face with a margin, in which its own motion fades away.
 *
 * @param {FaceAxes} axes
 * @param {Places} face
 * @param {number} step
 * @returns {Stage}
 */
export function faceStage(axes, face, step) {
  const outline = outlineOf(face);
  const grid = gridRound(
    axes,
    lowOf(outline).map((low) => low - MARGIN),
    highOf(outline).map((high) => high + MARGIN),
    step,
  );
  const places = axes.toFace(grid.nodes());
  const noseV = face[2 * NOSE + 1];
  const mask = Float32Array.from({ length: grid.size }, (_, node) => {
    const [u, v] = [places[2 * node], places[2 * node + 1]];
    const lowness = clip((v - noseV) / (face[2 * CHIN + 1] - noseV), 0, 1);
    return eased(1 - Math.max(distanceTo(u, v, outline), 0) / (BESIDE + (BELOW - BESIDE) * lowness ** 2));
  });
  return { grid, mask };
}

/**
 * The head with hair and neck, and all round it in which its motion fades away: the frame stays.
 *
 * @param {FaceAxes} axes
 * @param {Places} face
 * @param {number} step
 * @param {{ width: number, height: number }} picture
 * @returns {Stage}
 */
export function headStage(axes, face, step, { width, height }) {
  const middle = [0, (face[2 * CHIN + 1] - 0.6) / 2];
  const reach = HEAD.map((half) => half * BODY);
  const low = middle.map((at, axis) => at - reach[axis]);
  const high = middle.map((at, axis) => at + reach[axis]);
  const grid = gridRound(axes, low, high, step, [width, height]);
  const nodes = grid.nodes();
  const places = axes.toFace(nodes);
  const mask = Float32Array.from({ length: grid.size }, (_, node) => {
    const [x, y, u, v] = [nodes[2 * node], nodes[2 * node + 1], places[2 * node], places[2 * node + 1]];
    const away = Math.hypot((u - middle[0]) / HEAD[0], (v - middle[1]) / HEAD[1]);
    const border = Math.min(x, y, width - 1 - x, height - 1 - y);
    return eased((BODY - away) / (BODY - 1)) * eased((border - 2 * step) / (FRAME * axes.unitPx));
  });
  return { grid, mask };
}

/**
 * What place of a face whose head is at rest is seen at each node, x and y by turns.
 *
 * @param {Stage} stage
 * @param {FaceAxes} axes
 * @param {LifeSigns} life
 * @returns {Float32Array}
 */
export function seenPlaces({ grid, mask }, axes, life) {
  const seen = grid.nodes();
  if (isStill(life)) return seen;
  const back = headUndone(axes, life);
  for (let node = 0; node < mask.length; node++) {
    const [x, y] = [seen[2 * node], seen[2 * node + 1]];
    const [fromX, fromY] = back(x, y);
    seen[2 * node] = x + mask[node] * (fromX - x);
    seen[2 * node + 1] = y + mask[node] * (fromY - y);
  }
  return seen;
}

/**
 * Whether the head does not move.
 *
 * @param {LifeSigns} life
 */
export const isStill = ({ shift, roll, nearer }) => shift[0] === 0 && shift[1] === 0 && roll === 0 && nearer === 0;

/**
 * Where places of the face are once its head has moved.
 *
 * @param {Places} places
 * @param {FaceAxes} axes
 * @param {LifeSigns} life
 * @returns {Places}
 */
export function movedWithHead(places, axes, { shift, roll, nearer }) {
  const [pivotX, pivotY] = axes.toPixels(NECK);
  const [cos, sin] = [Math.cos(roll) * (1 + nearer), Math.sin(roll) * (1 + nearer)];
  return mapped(places, (x, y) => [
    cos * (x - pivotX) - sin * (y - pivotY) + pivotX + shift[0] * axes.unitPx,
    sin * (x - pivotX) + cos * (y - pivotY) + pivotY + shift[1] * axes.unitPx,
  ]);
}

/**
 * @param {FaceAxes} axes
 * @param {LifeSigns} life
 * @returns {(x: number, y: number) => [number, number]}
 */
function headUndone(axes, { shift, roll, nearer }) {
  const [pivotX, pivotY] = axes.toPixels(NECK);
  const [cos, sin] = [Math.cos(roll) / (1 + nearer), Math.sin(roll) / (1 + nearer)];
  return (x, y) => {
    const [dx, dy] = [x - pivotX - shift[0] * axes.unitPx, y - pivotY - shift[1] * axes.unitPx];
    return [cos * dx + sin * dy + pivotX, cos * dy - sin * dx + pivotY];
  };
}

/**
 * The grid round the corners of a part of the face, kept in a frame.
 *
 * @param {FaceAxes} axes
 * @param {number[]} low
 * @param {number[]} high
 * @param {number} step
 * @param {number[]} [frame]
 */
function gridRound(axes, low, high, step, frame) {
  const corners = axes.toPixels([low[0], low[1], high[0], low[1], low[0], high[1], high[0], high[1]]);
  const [first, last] = [lowOf(corners), highOf(corners)];
  if (!frame) return Grid.over(first, last, step);
  return Grid.over(
    first.map((at) => Math.max(at, 0)),
    last.map((at, axis) => Math.min(at, frame[axis])),
    step,
  );
}

/**
 * Jaw and forehead.
 *
 * @param {Places} face
 * @returns {Places}
 */
function outlineOf(face) {
  const outline = [...face.slice(0, 2 * JAW_END)];
  for (let point = BROWS_END - 1; point >= JAW_END; point--) {
    outline.push(face[2 * point], face[2 * point + 1] - FOREHEAD);
  }
  return Float64Array.from(outline);
}

/**
 * The least x and the least y.
 *
 * @param {Places} places
 */
export const lowOf = (places) => [0, 1].map((axis) => Math.min(...axisOf(places, axis)));

/** @param {Places} places */
export const highOf = (places) => [0, 1].map((axis) => Math.max(...axisOf(places, axis)));

/**
 * @param {Places} places
 * @param {number} axis
 */
const axisOf = (places, axis) => places.filter((_, at) => at % 2 === axis);
