/** Parts of a picture as a face finder gets to see them, and the way back; as face/views.py. */
import { rounded } from "../motion/rounding.js";
import { EYE_CORNERS, MIRROR, eyeDistance, middle } from "../speech/landmarks.js";
import { contrast, crop, mirrored, resize, turned } from "./pixels.js";

/**
 * @typedef {import("./pixels.js").Pixels} Pixels
 * @typedef {Float32Array} Face 68 points, pixels
 * @typedef {{ find: (picture: Pixels) => Face[] }} Finder what finds the faces of a picture, largest first
 */

/** A larger picture is first looked at scaled down to this. */
export const SMALL_SIDE_PX = 1600;
const TILE_PX = 256;
const LOOK_PX = 400;
const MIN_TILE_PX = 16;
/** A face is found from 1/8 of the side of its tile, so those of 60 pixels are found on tiles of this size. */
const DEEPEST_TILE_PX = 480;
/** Levels of 255 between the darkest and the brightest pixel of a square that shows nothing. */
const FLAT = 8;

/** A picture, and a copy of it that is small enough to be looked at whole. */
export class Scene {
  /** @param {Pixels} picture */
  constructor(picture) {
    this.picture = picture;
    const shrunk = SMALL_SIDE_PX / Math.max(picture.width, picture.height);
    const [width, height] = [picture.width, picture.height].map((side) =>
      Math.max(1, rounded(side * Math.min(1, shrunk))),
    );
    this.small = shrunk < 1 ? resize(picture, width, height, "bicubic") : picture;
  }

  /** The faces of the whole picture, looked at after counter-clockwise turns. @param {Finder} finder */
  faces(finder, quarterTurns = 0) {
    const picture = turned(this.small, quarterTurns);
    const [across, down] = [this.picture.width / this.small.width, this.picture.height / this.small.height];
    return finder
      .find(picture)
      .map((face) =>
        turnedBack(face, quarterTurns, picture).map((value, place) => value * (place % 2 ? down : across)),
      );
  }
}

/** A square of a picture, turned and perhaps mirrored after that. */
export class View {
  /**
   * @param {number} left @param {number} top @param {number} side pixels of the picture
   * @param {{ quarterTurns?: number, isMirrored?: boolean, isTile?: boolean }} [how]
   */
  constructor(left, top, side, { quarterTurns = 0, isMirrored = false, isTile = false } = {}) {
    this.left = left;
    this.top = top;
    this.side = side;
    this.quarterTurns = quarterTurns;
    this.isMirrored = isMirrored;
    /** It is scaled to this side; a smaller tile is left as it is. */
    this.size = isTile ? Math.min(TILE_PX, side) : LOOK_PX;
  }

  /** The faces in it, in pixels of the picture. @param {Finder} finder @param {Scene} scene @returns {Face[]} */
  faces(finder, scene) {
    const square = this.#square(scene);
    if (contrast(square) < FLAT) {
      return [];
    }
    const upright = turned(square, this.quarterTurns);
    return finder.find(this.isMirrored ? mirrored(upright) : upright).map((face) => this.#placed(face));
  }

  /** @param {Scene} scene */
  #square(scene) {
    const source = this.side > SMALL_SIDE_PX ? scene.small : scene.picture;
    const shrunk = source.width / scene.picture.width;
    const [left, top, right, bottom] = [this.left, this.top, this.left + this.side, this.top + this.side].map((edge) =>
      rounded(edge * shrunk),
    );
    return resize(crop(source, left, top, right - left, bottom - top), this.size, this.size, "bilinear");
  }

  /** @param {Face} face @returns {Face} */
  #placed(face) {
    const shape = { width: this.size, height: this.size };
    const upright = this.isMirrored ? unmirrored(face, this.size) : face;
    const scale = this.size / this.side;
    return turnedBack(upright, this.quarterTurns, shape).map(
      (value, place) => value / scale + (place % 2 ? this.top : this.left),
    );
  }
}

/**
 * The square round a face, its side `margin` times the longer side of the face.
 *
 * @param {Face} face @param {number} margin @param {{ quarterTurns: number, isMirrored?: boolean }} how
 */
export function around(face, margin, { quarterTurns: turns, isMirrored = false }) {
  const { low, high } = bounds(face);
  const side = Math.max(2, Math.ceil(margin * faceSize(face)));
  const [left, top] = [0, 1].map((axis) => rounded((low[axis] + high[axis]) / 2 - side / 2));
  return new View(left, top, side, { quarterTurns: turns % 4, isMirrored });
}

/** Squares that overlap by half and cover a picture, level by level. @param {Pixels} picture @returns {Generator<View[]>} */
export function* tiles({ width, height }, quarterTurns = 0) {
  for (const side of tileSides(Math.max(width, height))) {
    const half = Math.floor(side / 2);
    const level = [];
    for (let top = 0; top < Math.max(height - half, 1); top += half) {
      for (let left = 0; left < Math.max(width - half, 1); left += half) {
        level.push(new View(left, top, side, { quarterTurns, isTile: true }));
      }
    }
    yield level;
  }
}

/** Each at least a quarter of the one before. @param {number} longer @returns {Generator<number>} */
function* tileSides(longer) {
  const quarter = Math.floor(longer / 4);
  yield* [Math.floor(longer / 2), quarter].filter((side) => side >= MIN_TILE_PX);
  for (let side = quarter; side > DEEPEST_TILE_PX;) {
    side = side > 4.2 * DEEPEST_TILE_PX ? Math.max(Math.floor(side / 3), DEEPEST_TILE_PX) : DEEPEST_TILE_PX;
    yield side;
  }
}

/** How often a picture must be turned, counter-clockwise, so that a face in it is upright, 0 to 3. @param {Face} face */
export function quarterTurns(face) {
  const [right, left] = EYE_CORNERS;
  const angle = Math.atan2(face[2 * left + 1] - face[2 * right + 1], face[2 * left] - face[2 * right]);
  return (rounded((2 * angle) / Math.PI) + 4) % 4;
}

/** From the middle of one face to that of another. @param {Face} first @param {Face} second */
export function faceDistance(first, second) {
  const [one, other] = [middle(first), middle(second)];
  return Math.hypot(one[0] - other[0], one[1] - other[1]);
}

/** The longer side of a face. @param {Face} face */
export function faceSize(face) {
  const { low, high } = bounds(face);
  return Math.max(high[0] - low[0], high[1] - low[1]);
}

/** @param {Face} face */
export function bounds(face) {
  const [low, high] = [
    [Infinity, Infinity],
    [-Infinity, -Infinity],
  ];
  face.forEach((value, place) => {
    low[place % 2] = Math.min(low[place % 2], value);
    high[place % 2] = Math.max(high[place % 2], value);
  });
  return { low, high };
}

/** Mean distance between partners over the distance between the eyes of `second`. @param {Face} first @param {Face} second */
export function disagreement(first, second) {
  let sum = 0;
  for (let place = 0; place < first.length; place += 2) {
    sum += Math.hypot(first[place] - second[place], first[place + 1] - second[place + 1]);
  }
  return sum / (first.length / 2) / Math.max(eyeDistance(second), 1e-6);
}

/** Points of a picture before it was turned counter-clockwise. @param {Face} face @param {number} turns
 * @param {{ width: number, height: number }} shape of the turned picture @returns {Face} */
function turnedBack(face, turns, { width, height }) {
  let points = face;
  for (let turn = 0; turn < turns % 4; turn += 1) {
    const [before, down] = [points, turn % 2 ? width : height];
    points = before.map((_, place) => (place % 2 ? before[place - 1] : down - before[place + 1]));
  }
  return points;
}

/** @param {Face} face @param {number} width @returns {Face} */
function unmirrored(face, width) {
  return face.map((_, place) => {
    const value = face[2 * MIRROR[place >> 1] + (place % 2)];
    return place % 2 ? value : width - value;
  });
}
