/** The pixels of a portrait, and why some cannot talk. */

import { UserError } from "../errors.js";
import { whyHidden } from "./hidden_mouth.js";
import { rasterOf } from "./raster.js";

/** @typedef {import("../types.js").Face} Face */
/** @typedef {import("./raster.js").Raster} Raster */

const POINTS = 68;

/**
 * The picture of a face at the size at which it is drawn, transparent parts on white; odd ones lose their last row or
 * column, since films need even sides.
 *
 * @param {Face} face
 * @param {number} longestPx a larger one is scaled down to this
 * @returns {{ raster: Raster & { data: Uint8ClampedArray }, scale: number }} the scale is in its pixels a pixel of the face's
 */
export function readPixels({ picture, width, height }, longestPx) {
  const scale = Math.min(1, longestPx / Math.max(width, height));
  const [wide, high] = [width, height].map((side) => Math.max(2, Math.round(side * scale)));
  const canvas = document.createElement("canvas");
  canvas.width = wide - (wide % 2);
  canvas.height = high - (high % 2);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (!pen) throw new UserError(`a portrait of ${wide} x ${high} pixels does not fit into memory: pass a smaller one`);
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, wide, high);
  return { raster: rasterOf(pen.getImageData(0, 0, canvas.width, canvas.height)), scale };
}

/**
 * Refuse what is no face in its picture.
 *
 * @param {Face} face
 */
export function checkFace({ points, width, height }) {
  if (points.length !== 2 * POINTS || !points.every(Number.isFinite)) {
    throw new UserError(`the portrait: ${points.length} numbers for its landmarks: pass 68 points, x and y by turns`);
  }
  let inside = 0;
  for (let at = 0; at < points.length; at += 2) {
    const [x, y] = [points[at], points[at + 1]];
    if (x >= 0 && y >= 0 && x <= width && y <= height) inside++;
  }
  if (inside < POINTS / 4) {
    throw new UserError(
      `the portrait: ${inside} of ${POINTS} landmarks lie in the picture of ${width} x ${height} pixels: pass those of a face in it`,
    );
  }
}

/**
 * Refuse a mouth that cannot be seen.
 *
 * @param {Raster} raster
 * @param {ArrayLike<number>} points in its pixels
 */
export function checkMouth(raster, points) {
  const reason = whyHidden(raster, points);
  if (reason) throw new UserError(`the portrait: ${reason}`);
}
