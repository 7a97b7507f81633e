/** The one face of a portrait, or the reason why there is none; as face/portrait.py. */
import { UserError } from "../errors.js";
import { EYE_CORNERS } from "../speech/landmarks.js";
import { MAX_DISAGREEMENT, believed, findOnTiles, findTurned } from "./search.js";
import { disagreement, quarterTurns } from "./views.js";

/**
 * @typedef {import("./views.js").Face} Face
 * @typedef {import("./search.js").Sighting} Sighting
 * @typedef {{ person?: number | null, onnote?: (note: string) => void }} PortraitOptions
 */

/** Of the two halves of a face: beyond it the face is a profile. */
const MAX_SIDE_RATIO = 2.6;
const MAX_MOUTH_OUTSIDE = 0.25;
const MAX_FACE_OUTSIDE = 0.5;
const [MOUTH, NOSE_BRIDGE] = [
  [48, 68],
  [27, 31],
];
const ADVICE = "pass a picture with one face looking at the camera";

/**
 * The landmarks of the one face in a portrait; of several the largest, or number `person` from the left, from 1.
 *
 * @param {import("./views.js").Finder} finder
 * @param {import("./views.js").Scene} scene
 * @param {string} where what the picture is called
 * @param {PortraitOptions} [options]
 * @returns {Face}
 */
export function findIdentity(finder, scene, where, { person = null, onnote = () => {} } = {}) {
  const first = scene.faces(finder);
  const searches = [
    () => believed(finder, scene, first),
    () => findTurned(finder, scene),
    () => findOnTiles(finder, scene),
    () => findOnTiles(finder, scene, true),
  ];
  /** @type {Sighting[]} */
  const found = searches.reduce((seen, search) => (seen.length ? seen : search()), /** @type {Sighting[]} */ ([]));
  if (!found.length) {
    throw new UserError(`${where}: ${whyNot(first)}`);
  }
  const chosen = chosenOf(found, person, where, onnote);
  const turns = quarterTurns(chosen.points);
  const face = turns ? chosen.points : firstLook(first, chosen.points);
  check(face, scene.picture, where);
  if (turns) {
    const posture = turns === 2 ? "the face is upside down" : "the face lies on its side";
    onnote(`${where}: ${posture}; its landmarks lie where the picture shows it`);
  }
  return face;
}

/** @param {Sighting[]} found @param {number | null} person @param {string} where @param {(note: string) => void} onnote */
function chosenOf(found, person, where, onnote) {
  if (person === null) {
    if (found.length > 1) {
      onnote(`${where}: ${found.length} faces found, the largest is used`);
    }
    return found[0];
  }
  if (!(person >= 1 && person <= found.length)) {
    const faces = found.length === 1 ? "1 face" : `${found.length} faces`;
    throw new UserError(`${where}: ${faces} found, there is no person ${person}: count from the left, from 1`);
  }
  return found.toSorted((one, other) => meanX(one.points) - meanX(other.points))[person - 1];
}

/** The face as the first look at the whole picture found it. @param {Face[]} first @param {Face} seen */
function firstLook(first, seen) {
  return first.find((face) => disagreement(face, seen) <= MAX_DISAGREEMENT) ?? seen;
}

/** @param {Face[]} first */
function whyNot(first) {
  if (!first.length) {
    return `no face found: ${ADVICE}`;
  }
  if (sideRatio(first[0]) > MAX_SIDE_RATIO) {
    return profile(first[0]);
  }
  return `no face found: something looks like one, but closer looks do not agree on its points: ${ADVICE}`;
}

/** @param {Face} face */
function profile(face) {
  return (
    `the face is turned to the side (one half is ${sideRatio(face).toFixed(1)} times the other): ` +
    "pass a picture that looks at the camera"
  );
}

/** @param {Face} face @param {{ width: number, height: number }} picture @param {string} where */
function check(face, picture, where) {
  if (sideRatio(face) > MAX_SIDE_RATIO) {
    throw new UserError(`${where}: ${profile(face)}`);
  }
  const [from, to] = MOUTH;
  for (const { part, points, limit } of [
    { part: "mouth", points: face.subarray(2 * from, 2 * to), limit: MAX_MOUTH_OUTSIDE },
    { part: "face", points: face, limit: MAX_FACE_OUTSIDE },
  ]) {
    const outside = countOutside(points, picture);
    if (outside / (points.length / 2) > limit) {
      throw new UserError(
        `${where}: ${outside} of ${points.length / 2} points of the ${part} lie outside the picture: ` +
          "pass a picture that shows the whole face",
      );
    }
  }
}

/** @param {Face} points @param {{ width: number, height: number }} picture */
function countOutside(points, { width, height }) {
  let outside = 0;
  for (let place = 0; place < points.length; place += 2) {
    const [x, y] = [points[place], points[place + 1]];
    outside += x < 0 || y < 0 || x > width || y > height ? 1 : 0;
  }
  return outside;
}

/** How many times wider the nearer half of the face is than the other, eye corners to nose bridge. @param {Face} face */
export function sideRatio(face) {
  const [right, left] = EYE_CORNERS.map((point) => [face[2 * point], face[2 * point + 1]]);
  const [x, y] = [left[0] - right[0], left[1] - right[1]];
  const bridge = face.subarray(2 * NOSE_BRIDGE[0], 2 * NOSE_BRIDGE[1]);
  const nose = [meanX(bridge), meanX(bridge.subarray(1))];
  const way = (/** @type {number[]} */ from, /** @type {number[]} */ to) =>
    (to[0] - from[0]) * x + (to[1] - from[1]) * y;
  const [narrow, wide] = [way(right, nose), way(nose, left)].sort((one, other) => one - other);
  return narrow > 0 ? wide / narrow : Infinity;
}

/** The mean of every second number. @param {Face} points */
function meanX(points) {
  let sum = 0;
  for (let place = 0; place < points.length; place += 2) {
    sum += points[place];
  }
  return sum / Math.ceil(points.length / 2);
}
