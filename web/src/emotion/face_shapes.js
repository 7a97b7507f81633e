/** Where the 68 points go when one of ARKit's shapes is fully on; as face_shapes.py, which says where it comes from. */
import { FACE_SIZE, MIRROR, fitSimilarity } from "../speech/landmarks.js";
import { readNpz } from "./npz.js";

/** @typedef {Float64Array} Direction displacement of the points, x0, y0, ..., in eye distances of the mean face */

/** Upper and lower lid of the character's left eye. */
const LIDS = [
  [43, 47],
  [44, 46],
];
const LIPS = range(48, 68);
const LOWER_LIP = [55, 56, 57, 58, 59, 65, 66, 67];
const CHIN = range(5, 12);
const LEFT_BROW = range(22, 27);
const LEFT_UPPER_LIP = range(51, 54);
const NOSTRILS = range(31, 36);

/** What was measured once: the mean face, whose eye distance is the unit, and shapes that were solved from recordings. */
export class FaceShapes {
  /** @param {Float64Array} meanFace @param {Map<string, Direction>} measured */
  constructor(meanFace, measured) {
    this.meanFace = meanFace;
    this.measured = measured;
  }

  /** From the package's `face_shapes.npz`. @param {ArrayBuffer} bytes */
  static async read(bytes) {
    const { names, directions, face } = await readNpz(bytes);
    const all = Float64Array.from(/** @type {Float32Array} */ (directions.data));
    const measured = /** @type {string[]} */ (names.data).map(
      (name, place) => /** @type {const} */ ([name, all.slice(place * FACE_SIZE, (place + 1) * FACE_SIZE)]),
    );
    return new FaceShapes(Float64Array.from(/** @type {Float32Array} */ (face.data)), new Map(measured));
  }

  /** The map that lays a face on the mean face, in which directions are given. @param {ArrayLike<number>} face */
  toMeanFace(face) {
    return fitSimilarity(face, this.meanFace);
  }

  /**
   * Where the points of a resting face go for a weight of 1, by shape; lids as far as those of this face are open.
   *
   * @param {ArrayLike<number>} face
   * @returns {Map<string, Direction>}
   */
  directions(face) {
    const isLeft = (/** @type {string} */ name) => name.endsWith("Left");
    const left = new Map([...this.measured].filter(([name]) => isLeft(name)));
    const both = [...this.measured].filter(([name]) => !isLeft(name));
    const drawn = { ...drawnLeft(this.meanFace), ...leftLid(this.toMeanFace(face).apply(face)) };
    Object.entries(drawn).forEach(([name, direction]) => left.set(name, direction));
    const right = [...left].map(
      ([name, direction]) => /** @type {const} */ ([name.replace(/Left$/, "Right"), mirrored(direction)]),
    );
    return new Map([...left, ...right, ...both, ...Object.entries(drawnWhole(this.meanFace))]);
  }
}

/** Shapes of both sides that do not move in speech. @param {Float64Array} face @returns {Record<string, Direction>} */
function drawnWhole(face) {
  const inner = pull(face, 22, [0, -0.065], 0.22, LEFT_BROW);
  const chin = pull(face, 8, [0, -0.09], 0.35, CHIN);
  put(chin, LOWER_LIP, [0, -0.08]);
  return { browInnerUp: sum(inner, mirrored(inner)), mouthShrugLower: chin };
}

/** The left ones of shapes that do not move in speech. @param {Float64Array} face @returns {Record<string, Direction>} */
function drawnLeft(face) {
  const sideways = new Float64Array(FACE_SIZE);
  put(sideways, LIPS, [0.15, 0]);
  put(sideways, CHIN, [0.03, 0]);
  const brow = pull(face, 22, [0, 0.035], 0.15, LEFT_BROW);
  const nostril = pull(face, 35, [0, -0.07], 0.15, NOSTRILS);
  const lip = pull(face, 53, [0, -0.05], 0.15, LEFT_UPPER_LIP);
  return {
    mouthLeft: sideways,
    mouthFrownLeft: pull(face, 54, [0.015, 0.06], 0.1, LIPS),
    browDownLeft: pull(face, 23, [-0.035, 0.045], 0.3, LEFT_BROW),
    browOuterUpLeft: pull(face, 25, [0.02, -0.09], 0.25, LEFT_BROW),
    noseSneerLeft: sum(brow, sum(nostril, lip)),
  };
}

/**
 * The left ones of the shapes of the lids, as shares of how far the eyes are open.
 *
 * @param {ArrayLike<number>} face @returns {Record<string, Direction>}
 */
function leftLid(face) {
  const [blink, wide, squint] = [0, 1, 2].map(() => new Float64Array(FACE_SIZE));
  for (const [upper, lower] of LIDS) {
    for (const axis of [0, 1]) {
      const gap = face[2 * lower + axis] - face[2 * upper + axis];
      const other = face[2 * MIRROR[lower] + axis] - face[2 * MIRROR[upper] + axis];
      const both = (gap + (axis === 0 ? -other : other)) / 2;
      blink[2 * upper + axis] = 0.95 * both;
      wide[2 * upper + axis] = -0.35 * both;
      squint[2 * lower + axis] = -0.25 * both;
    }
  }
  return { eyeBlinkLeft: blink, eyeWideLeft: wide, eyeSquintLeft: squint, cheekSquintLeft: squint };
}

/**
 * The points `among` moved `by` at the point `at`, less with the distance from it: e-fold at `reach`.
 *
 * @param {Float64Array} face @param {number} at @param {number[]} by @param {number} reach @param {number[]} among
 * @returns {Direction}
 */
function pull(face, at, by, reach, among) {
  const direction = new Float64Array(FACE_SIZE);
  for (const point of among) {
    const square = (face[2 * point] - face[2 * at]) ** 2 + (face[2 * point + 1] - face[2 * at + 1]) ** 2;
    const share = Math.exp(-square / reach ** 2);
    put(direction, [point], [share * by[0], share * by[1]]);
  }
  return direction;
}

/** @param {Direction} direction @param {number[]} points @param {number[]} to */
function put(direction, points, [x, y]) {
  for (const point of points) {
    direction[2 * point] = x;
    direction[2 * point + 1] = y;
  }
}

/** @param {Direction} first @param {Direction} second */
function sum(first, second) {
  return first.map((value, place) => value + second[place]);
}

/** @param {Direction} direction @returns {Direction} */
function mirrored(direction) {
  return direction.map((_, place) => {
    const value = direction[2 * MIRROR[place >> 1] + (place % 2)];
    return place % 2 === 0 ? -value : value;
  });
}

/** @param {number} from @param {number} to one more than the last */
function range(from, to) {
  return Array.from({ length: to - from }, (_, place) => from + place);
}
