/** Whether 68 points lie as those of a face do; as inference/geometry.py. */
import { UserError } from "../errors.js";
import { FACE } from "../motion/face_shapes.js";
import { FACE_SIZE, eyeDistance, middle } from "./landmarks.js";

/** Between the outer eye corners of the smallest face in pixels. */
const MIN_EYES_PX = 4;
const MAX_COORDINATE = 1e6;
/** Correlation with the mean face after the best similarity: faces measure 0.95 to 1, mirrored ones 0.1 to 0.25. */
const MIN_LIKENESS = 0.7;

/** Refuses points that are no face in pixels, x right, y down, turned as it may be. @param {ArrayLike<number>} points */
export function checkFace(points) {
  if (points.length !== FACE_SIZE || !Array.from(points).every((value) => Math.abs(value) <= MAX_COORDINATE)) {
    throw new UserError("the face: pass x and y of 68 points, in pixels of a picture");
  }
  const eyes = eyeDistance(points);
  if (eyes < MIN_EYES_PX) {
    throw new UserError(
      `the face: the outer eye corners are ${Number(eyes.toPrecision(3))} apart, so these are no pixels of a whole face: ` +
        "multiply x by the width and y by the height of the picture",
    );
  }
  const { direct, reflected } = likeness(points);
  if (direct < MIN_LIKENESS) {
    throw new UserError(
      reflected >= MIN_LIKENESS
        ? "the face: the points are those of a face in a mirror: y must grow downwards (y = height - y)"
        : "the face: the points do not lie as those of a face do: pass 68 points in the order of 300-W and dlib",
    );
  }
}

/**
 * Correlation of the points with the mean face, as they are and reflected, each 0 to 1.
 *
 * @param {ArrayLike<number>} points
 */
function likeness(points) {
  const [from, to] = [middle(points), middle(FACE)];
  const sums = { same: 0, cross: 0, difference: 0, mixed: 0, points: 0, mean: 0 };
  for (let place = 0; place < FACE_SIZE; place += 2) {
    const [x, y] = [points[place] - from[0], points[place + 1] - from[1]];
    const [meanX, meanY] = [FACE[place] - to[0], FACE[place + 1] - to[1]];
    sums.same += x * meanX + y * meanY;
    sums.cross += y * meanX - x * meanY;
    sums.difference += x * meanX - y * meanY;
    sums.mixed += y * meanX + x * meanY;
    sums.points += x * x + y * y;
    sums.mean += meanX * meanX + meanY * meanY;
  }
  const scale = Math.sqrt(sums.points * sums.mean);
  return {
    direct: Math.hypot(sums.same, sums.cross) / scale,
    reflected: Math.hypot(sums.difference, sums.mixed) / scale,
  };
}
