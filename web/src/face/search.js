/**
 * Faces that closer looks agree on; as face/search.py.
 *
 * The landmarker gives points for whatever its detector takes for a face. What a look finds is therefore looked at again,
 * closer, on squares round it that are turned so that it is upright: twice as it is and once mirrored.
 */
import { around, disagreement, faceDistance, faceSize, quarterTurns, tiles } from "./views.js";

/**
 * @typedef {import("./views.js").Face} Face
 * @typedef {import("./views.js").Finder} Finder
 * @typedef {import("./views.js").Scene} Scene
 * @typedef {{ points: Face, disagreement: number }} Sighting a face that was seen three times
 */

/** Of three looks at one face: mean distance between their points over the distance between the eyes. */
export const MAX_DISAGREEMENT = 0.06;
/** Of a face that is not upright. */
const MAX_TURNED_DISAGREEMENT = 0.03;
/** Side of the square over the longer side of the face, and whether it is mirrored. */
const LOOKS = [
  { margin: 1.6, isMirrored: false },
  { margin: 2.2, isMirrored: false },
  { margin: 1.8, isMirrored: true },
];
const WIDE = 3;
const ROUNDS = 3;
const MAX_CANDIDATES = 16;
const TURNED_LEVELS = 2;

/** Those of `faces` that closer looks agree on, each once, largest first.
 * @param {Finder} finder @param {Scene} scene @param {Face[]} faces @returns {Sighting[]} */
export function believed(finder, scene, faces) {
  /** @type {Sighting[]} */
  const kept = [];
  for (const face of faces.slice(0, MAX_CANDIDATES)) {
    const seen = lookAgain(finder, scene, face);
    if (seen && kept.every((other) => apart(seen.points, other.points))) {
      kept.push(seen);
    }
  }
  return kept.sort((one, other) => faceSize(other.points) - faceSize(one.points));
}

/** Faces on their side or upside down in the whole picture. @param {Finder} finder @param {Scene} scene */
export function findTurned(finder, scene) {
  for (const turns of [2, 1, 3]) {
    const found = believed(finder, scene, scene.faces(finder, turns));
    if (found.length) {
      return found;
    }
  }
  return [];
}

/** Faces too small to be found in the whole picture. @param {Finder} finder @param {Scene} scene @param {boolean} isUpsideDown */
export function findOnTiles(finder, scene, isUpsideDown = false) {
  let left = isUpsideDown ? TURNED_LEVELS : Infinity;
  for (const level of tiles(scene.picture, isUpsideDown ? 2 : 0)) {
    if (left === 0) {
      break;
    }
    left -= 1;
    const faces = level.flatMap((view) => view.faces(finder, scene));
    const found = believed(finder, scene, distinct(faces.sort((one, other) => faceSize(other) - faceSize(one))));
    if (found.length) {
      return found;
    }
  }
  return [];
}

/** What closer looks make of a face, which may be another one at its place; null where they do not agree.
 * @param {Finder} finder @param {Scene} scene @param {Face} face @returns {Sighting | null} */
function lookAgain(finder, scene, face) {
  const seen = settled(finder, scene, face);
  const turned = around(face, WIDE, { quarterTurns: quarterTurns(face) + 2 });
  const other = nearest(turned.faces(finder, scene), face);
  if (!other || (seen && disagreement(other, seen.points) <= MAX_DISAGREEMENT)) {
    return seen;
  }
  const rival = settled(finder, scene, other);
  const both = [seen, rival].filter((sighting) => sighting !== null);
  return both.sort((one, another) => one.disagreement - another.disagreement)[0] ?? null;
}

/** Looks closer, again from what was seen, until three looks agree.
 * @param {Finder} finder @param {Scene} scene @param {Face} start @returns {Sighting | null} */
function settled(finder, scene, start) {
  let face = start;
  for (let round = 0; round < ROUNDS; round += 1) {
    const turns = quarterTurns(face);
    const from = face;
    const seen = LOOKS.map(({ margin, isMirrored }) => {
      const found = around(from, margin, { quarterTurns: turns, isMirrored }).faces(finder, scene);
      return nearest(
        found.filter((one) => !apart(one, from)),
        from,
      );
    }).filter((one) => one !== undefined);
    if (!seen.length) {
      return null;
    }
    face = seen[seen.length >> 1];
    if (seen.length === LOOKS.length && quarterTurns(face) === turns) {
      const spread = Math.max(
        ...[
          [0, 1],
          [0, 2],
          [1, 2],
        ].map(([one, other]) => disagreement(seen[one], seen[other])),
      );
      if (spread <= (turns ? MAX_TURNED_DISAGREEMENT : MAX_DISAGREEMENT)) {
        return { points: face, disagreement: spread };
      }
    }
  }
  return null;
}

/** @param {Face[]} faces @param {Face} to @returns {Face | undefined} */
function nearest(faces, to) {
  return faces.toSorted((one, other) => faceDistance(one, to) - faceDistance(other, to))[0];
}

/** @param {Face} first @param {Face} second */
function apart(first, second) {
  return faceDistance(first, second) > faceSize(second) / 2;
}

/** @param {Face[]} faces */
function distinct(faces) {
  /** @type {Face[]} */
  const kept = [];
  faces.forEach((face) => kept.every((other) => apart(face, other)) && kept.push(face));
  return kept;
}
