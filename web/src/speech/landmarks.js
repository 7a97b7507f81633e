/** The 68 landmarks: their order, the unit frame, and other frame rates; as landmarks.py of the Python package. */
import { UserError } from "../errors.js";
import { rounded } from "../motion/rounding.js";

export const POINT_COUNT = 68;
/** Numbers of one face: x and y of every point. */
export const FACE_SIZE = 2 * POINT_COUNT;
/** Outer corners of the right and the left eye; their distance is the eye distance. */
export const EYE_CORNERS = [36, 45];
/** Middle of the upper and the lower inner lip. */
export const INNER_LIPS = [62, 66];
/** The mouth is closed when its opening is less than this share of the eye distance. */
export const CLOSED = 0.03;

/** The whole numbers between. @param {number} from @param {number} to one more than the last */
export const range = (from, to) => Array.from({ length: to - from }, (_, place) => from + place);

/** Index of each point's partner on the other side of the face. */
export const MIRROR = [
  ...[...range(0, 17).reverse(), ...range(17, 27).reverse(), 27, 28, 29, 30, 35, 34, 33, 32, 31],
  ...[45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40],
  ...[54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65],
];

/** A map of the plane that keeps shape: a turn and a scale, [[real, -imaginary], [imaginary, real]], and a shift. */
export class Similarity {
  /** @param {number} real @param {number} imaginary @param {number} x @param {number} y */
  constructor(real, imaginary, x, y) {
    this.real = real;
    this.imaginary = imaginary;
    this.x = x;
    this.y = y;
  }

  /** Any number of points after the map. @param {ArrayLike<number>} points @returns {Float32Array} */
  apply(points) {
    const mapped = new Float32Array(points.length);
    for (let place = 0; place < points.length; place += 2) {
      mapped[place] = this.real * points[place] - this.imaginary * points[place + 1] + this.x;
      mapped[place + 1] = this.imaginary * points[place] + this.real * points[place + 1] + this.y;
    }
    return mapped;
  }

  /** The map that undoes this one. */
  inverse() {
    const power = this.real ** 2 + this.imaginary ** 2;
    return turnAbout(this.real / power, -this.imaginary / power, [this.x, this.y], [0, 0]);
  }
}

/**
 * The turn and scale that brings one place onto another.
 *
 * @param {number} real @param {number} imaginary @param {number[]} from @param {number[]} to
 */
function turnAbout(real, imaginary, [x, y], [toX, toY]) {
  return new Similarity(real, imaginary, toX - (real * x - imaginary * y), toY - (imaginary * x + real * y));
}

/**
 * The map from the picture to the unit frame of a face: the origin between the outer eye corners, which are 1 apart.
 *
 * @param {ArrayLike<number>} identity
 */
export function unitFrame(identity) {
  const [right, left] = EYE_CORNERS.map((point) => [identity[2 * point], identity[2 * point + 1]]);
  const [x, y] = [left[0] - right[0], left[1] - right[1]];
  const square = x * x + y * y;
  if (!(square > 0)) {
    throw new UserError("the outer eye corners (points 36 and 45) coincide: pass the landmarks of a whole face");
  }
  return turnAbout(x / square, -y / square, [(right[0] + left[0]) / 2, (right[1] + left[1]) / 2], [0, 0]);
}

/** The mean of points. @param {ArrayLike<number>} points @returns {number[]} */
export function middle(points) {
  const sum = [0, 0];
  for (let place = 0; place < points.length; place += 1) {
    sum[place % 2] += points[place];
  }
  return sum.map((value) => (2 * value) / points.length);
}

/**
 * The distance of two points of a face.
 *
 * @param {ArrayLike<number>} points @param {number} first @param {number} second
 * @param {number} [from] where the face begins in `points`
 */
export function pointDistance(points, first, second, from = 0) {
  const [one, other] = [from + 2 * first, from + 2 * second];
  return Math.hypot(points[other] - points[one], points[other + 1] - points[one + 1]);
}

/** The distance of the outer eye corners. @param {ArrayLike<number>} points @param {number} [from] */
export function eyeDistance(points, from = 0) {
  return pointDistance(points, EYE_CORNERS[0], EYE_CORNERS[1], from);
}

/** 0 where `share` is below 0, 1 above 1, and without a corner in between. @param {number} share */
export function eased(share) {
  const bounded = Math.min(1, Math.max(0, share));
  return bounded * bounded * (3 - 2 * bounded);
}

/**
 * How many frames show so many seconds: frame t stands at t / fps, the last partial one counts.
 *
 * @param {number} durationS @param {number} fps
 */
export function frameCount(durationS, fps) {
  return Math.ceil(rounded(durationS * fps * 1e6) / 1e6);
}
