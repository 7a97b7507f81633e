/** Landmark files, as `LandmarkSequence.save` of Python writes them. */

import { fixed, rounded } from "../motion/rounding.js";
import { FACE_SIZE, POINT_COUNT } from "../speech/landmarks.js";
import { number, text } from "./python_json.js";

/** @typedef {import("../types.js").LandmarkSequence} LandmarkSequence */

const FORMAT = 1;

/**
 * The text of a CSV file: a row a frame.
 * @param {LandmarkSequence} sequence
 */
export function landmarksCsv({ points, fps, firstFrame }) {
  const names = Array.from({ length: POINT_COUNT }, (_, point) => `x${point},y${point}`);
  const rows = [`frame,time_s,${names.join(",")}`];
  for (let at = 0; at < points.length; at += FACE_SIZE) {
    const frame = firstFrame + at / FACE_SIZE;
    const values = Array.from(points.subarray(at, at + FACE_SIZE), (value) => fixed(value, 4));
    rows.push(`${frame},${fixed(frame / fps, 6)},${values.join(",")}`);
  }
  return `${rows.join("\r\n")}\r\n`;
}

/**
 * The text of a JSON file.
 * @param {LandmarkSequence & { source?: string }} sequence
 */
export function landmarksJson({ points, fps, firstFrame, model, source = "" }) {
  const frames = [];
  for (let at = 0; at < points.length; at += FACE_SIZE) {
    const pairs = Array.from({ length: POINT_COUNT }, (_, point) => {
      const [x, y] = [0, 1].map((axis) => number(rounded(points[at + 2 * point + axis] * 1e4) / 1e4));
      return `[${x}, ${y}]`;
    });
    frames.push(`[${pairs.join(", ")}]`);
  }
  const header =
    `"format": ${FORMAT}, "fps": ${number(fps)}, "coordinates": "image", "frame": "image", ` +
    `"model": ${text(model)}, "source": ${text(source)}, "first_frame": ${firstFrame}`;
  return `{${header}, "landmarks": [${frames.join(", ")}]}`;
}
