/** The landmarker's mesh of 478 points to the 68; as face/finder.py. */
import { FACE_SIZE } from "../speech/landmarks.js";

/** Where the points of brows, nose, eyes and mouth lie in the mesh; the jaw is resampled along two lines. */
const AFTER_JAW = [
  ...[70, 63, 105, 66, 107, 336, 296, 334, 293, 300],
  ...[168, 6, 195, 4, 240, 97, 2, 326, 460],
  ...[33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380],
  ...[61, 39, 37, 0, 267, 269, 291, 321, 314, 17, 84, 91],
  ...[78, 82, 13, 312, 308, 317, 14, 87],
];
const RIGHT_JAW = [127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152];
const LEFT_JAW = [152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356];
const HALF_JAW = 9;

/** @typedef {{ x: number, y: number }} MeshPoint shares of width and height */

/**
 * @param {MeshPoint[]} mesh @param {number} width @param {number} height of the picture
 * @returns {Float32Array} 68 points, pixels
 */
export function to68(mesh, width, height) {
  const at = (/** @type {number} */ point) => [mesh[point].x * width, mesh[point].y * height];
  const right = equidistant(RIGHT_JAW.map(at), HALF_JAW);
  const left = equidistant(LEFT_JAW.map(at), HALF_JAW);
  const face = Float32Array.from([...right.slice(0, -1), ...left, ...AFTER_JAW.map(at)].flat());
  console.assert(face.length === FACE_SIZE);
  return face;
}

/** `count` points along a line, equally far apart, both ends kept. @param {number[][]} line @param {number} count */
function equidistant(line, count) {
  const travelled = [0];
  for (let place = 1; place < line.length; place += 1) {
    travelled.push(
      travelled[place - 1] + Math.hypot(line[place][0] - line[place - 1][0], line[place][1] - line[place - 1][1]),
    );
  }
  const whole = travelled[travelled.length - 1];
  return Array.from({ length: count }, (_, number) => along(line, travelled, (number * whole) / (count - 1)));
}

/** @param {number[][]} line @param {number[]} travelled @param {number} wanted */
function along(line, travelled, wanted) {
  const after = travelled.findIndex((way, place) => place > 0 && way >= wanted);
  const place = after < 0 ? line.length - 1 : after;
  const share = Math.min(1, (wanted - travelled[place - 1]) / (travelled[place] - travelled[place - 1] || 1));
  return [0, 1].map((axis) => line[place - 1][axis] + share * (line[place][axis] - line[place - 1][axis]));
}
