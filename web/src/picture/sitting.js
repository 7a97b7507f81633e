/**
 * A portrait and its face, ready to talk: what is read and made of it once, and its motion from moment to moment. The
 * geometry of `kfusion.picture.talking`; no pixel is drawn here.
 *
 * Two layers follow the landmarks: the upper lip and all above it move with the skull, the lower lip and the chin with
 * the jaw. Both are linear in the landmarks and smooth, on a coarse grid, and are held back before they could fold.
 */

import { range } from "../speech/landmarks.js";
import { FaceAxes, chosenPoints, clip, indices, lipGap, settledLips, stabilised } from "./anatomy.js";
import { eyeWhite, readEyes } from "./eyes.js";
import { PointField, sources } from "./field.js";
import { heldBack } from "./folds.js";
import { lightOf } from "./light.js";
import { mouthPlates } from "./mouth.js";
import { portraitMouth } from "./portrait_mouth.js";
import { seamLine } from "./seam.js";
import { faceStage, headStage, isStill, seenPlaces } from "./stage.js";

/** @typedef {import("../types.js").LifeSigns} LifeSigns */
/** @typedef {import("../types.js").Points} Points */
/** @typedef {import("./anatomy.js").Places} Places */
/** @typedef {import("./field.js").Grid} Grid */
/** @typedef {import("./raster.js").Raster} Raster */
/** @typedef {import("./stage.js").Stage} Stage */

/**
 * @typedef {object} Moment How a face has moved: where what the nodes of a grid show comes from, beside them.
 * @property {Grid} grid
 * @property {Float32Array} upper by the motion of the skull, x and y by turns
 * @property {Float32Array} lower by that of the jaw
 * @property {Float32Array} still by none but that of the whole head
 * @property {Places} face the landmarks now, face coordinates
 * @property {number} closed how far the eyes are shut
 * @property {[number, number]} gaze
 * @property {LifeSigns} life
 */

/** How loosely the motion follows landmarks, as noise beside a variance of 1. */
const [LIPS, JAW, BROWS, HELD] = [3e-4, 1e-2, 5e-3, 2e-3];
/** @type {[number, number[]][]} */
const UPPER = [
  [LIPS, [48, 49, 50, 51, 52, 53, 54, 60, 61, 62, 63, 64]],
  [BROWS, range(17, 27)],
  [HELD, [0, 1, 2, 14, 15, 16, ...range(27, 48)]],
];
/** @type {[number, number[]][]} */
const LOWER = [
  [LIPS, [48, 54, 55, 56, 57, 58, 59, 60, 64, 65, 66, 67]],
  [JAW, range(3, 14)],
  [HELD, [0, 1, 15, 16, ...range(27, 48)]],
];
/** How far a point moves what is round it, in eye distances. */
const REACH = 0.6;
/** How much of the edge of each open lip is hidden when they are shut, in eye distances. */
const HIDDEN = 0.014;
/** Of the grid, in an eye distance. */
const CELLS = 16;
/** Share of its opening in the portrait at which an eye of the landmarks counts as shut, and as open. */
const [EYE_SHUT, EYE_OPEN] = [0.15, 0.6];

export class Sitting {
  /**
   * @param {Raster} picture RGBA
   * @param {ArrayLike<number>} points of its face, 136, pixels
   * @param {number} seed of the grain in the mouth
   */
  constructor(picture, points, seed = 0) {
    this._size = { width: picture.width, height: picture.height };
    this._rest = indices(points);
    this.axes = new FaceAxes(this._rest);
    this.shown = portraitMouth(picture, this.axes, this.axes.toFace(this._rest));
    const { face } = this.shown;
    this.seam = seamLine(face);
    this.stage = faceStage(this.axes, face, Math.max(2, Math.round(this.axes.unitPx / CELLS)));
    this._layers = [UPPER, LOWER].map((followed) => new Layer(this.stage, this.axes, face, followed));
    this.light = lightOf(picture, this.axes, face, eyeWhite(picture, this.axes, face));
    this.eyes = readEyes(picture, this.axes, face, this.light.grain);
    this.plates = mouthPlates(picture, this.axes, this.shown, this.seam, this.light, seed);
    /** @type {Stage | null} */
    this._headStage = null;
  }

  /**
   * How far the lips of landmarks are apart, in eye distances, once they are settled.
   *
   * @param {ArrayLike<number>} points
   */
  opening(points) {
    return lipGap(this.settled(points));
  }

  /**
   * Landmarks without the motion of the head, lips that are nearly shut shut.
   *
   * @param {ArrayLike<number>} points
   */
  settled(points) {
    return settledLips(this.axes.toFace(stabilised(indices(points), this._rest)));
  }

  /**
   * @param {ArrayLike<number>} points
   * @param {LifeSigns} life
   * @returns {Moment}
   */
  moment(points, life) {
    const settled = this.settled(points);
    const { upper, lower, moved } = this.motions(this._moved(settled, life));
    const stage = this._stageFor(life);
    const seen = seenPlaces(stage, this.axes, life);
    const nodes = stage.grid.nodes();
    const layers = [upper, lower].map((motion) => beside(sources(this.stage.grid, motion, seen), nodes));
    return {
      grid: stage.grid,
      upper: layers[0],
      lower: layers[1],
      still: beside(seen, nodes),
      face: this.shown.face.map((at, index) => at + moved[index]),
      closed: Math.max(life.closed, this._closed(settled)),
      gaze: life.gaze,
      life,
    };
  }

  /**
   * The motion of both layers, and that of the points, held back where they would fold.
   *
   * @param {Places} moved
   * @returns {{ upper: Float32Array, lower: Float32Array, moved: Places }}
   */
  motions(moved) {
    const overlapping = this._overlapping(moved);
    const [upper, lower] = this._layers.map((layer) => layer.motion(this.axes, overlapping));
    const share = Math.min(...[upper, lower].map((motion) => heldBack(this.stage.grid, motion)));
    if (share === 1) return { upper, lower, moved };
    const [less, least] = [upper, lower].map((motion) => motion.map((by) => share * by));
    return { upper: less, lower: least, moved: moved.map((by) => share * by) };
  }

  /**
   * How far landmarks have gone from the portrait's.
   *
   * @param {Places} settled
   * @param {LifeSigns} life
   */
  _moved(settled, life) {
    const moved = settled.map((at, index) => at - this.shown.reference[index]);
    for (const point of range(17, 27)) moved[2 * point + 1] -= life.brows;
    return moved;
  }

  /**
   * Motion that hides a little of the edges of open lips as they shut: no line of teeth goes with them.
   *
   * @param {Places} moved
   */
  _overlapping(moved) {
    const { gap } = this.shown;
    if (gap === 0) return moved;
    const hidden = moved.slice();
    const now = gap + lipGap(moved);
    const aside = HIDDEN * Math.max(0, 1 - now / gap);
    for (const point of [61, 62, 63]) hidden[2 * point + 1] += aside;
    for (const point of [65, 66, 67]) hidden[2 * point + 1] -= aside;
    return hidden;
  }

  /** @param {LifeSigns} life */
  _stageFor(life) {
    if (isStill(life)) return this.stage;
    this._headStage ??= headStage(this.axes, this.shown.face, this.stage.grid.step, this._size);
    return this._headStage;
  }

  /**
   * How far the eyes of the landmarks are shut beside those of the portrait.
   *
   * @param {Places} settled
   */
  _closed(settled) {
    const [now, rest] = [settled, this.shown.face].map((face) => {
      return (face[2 * 41 + 1] - face[2 * 37 + 1] + face[2 * 46 + 1] - face[2 * 44 + 1]) / 2;
    });
    return clip((EYE_OPEN - now / Math.max(rest, 1e-3)) / (EYE_OPEN - EYE_SHUT), 0, 1);
  }
}

/** A part of the face that follows some of its points. */
class Layer {
  /**
   * @param {Stage} stage
   * @param {FaceAxes} axes
   * @param {Places} face
   * @param {[number, number[]][]} followed noise, and the points that have it
   */
  constructor({ grid, mask }, axes, face, followed) {
    this._points = followed.flatMap(([, points]) => points);
    const noise = followed.flatMap(([value, points]) => points.map(() => value));
    this._held = noise.map((value) => value === HELD);
    this._field = new PointField(
      grid,
      axes.toPixels(chosenPoints(face, this._points)),
      noise,
      REACH * axes.unitPx,
      mask,
    );
  }

  /**
   * The motion of the nodes in pixels, for points that go by `moved`, face coordinates.
   *
   * @param {FaceAxes} axes
   * @param {Places} moved
   */
  motion(axes, moved) {
    const displacement = new Float32Array(2 * this._points.length);
    this._points.forEach((point, at) => {
      if (this._held[at]) return;
      const [u, v] = [moved[2 * point] * axes.unitPx, moved[2 * point + 1] * axes.unitPx];
      displacement[2 * at] = u * axes.across[0] + v * axes.down[0];
      displacement[2 * at + 1] = u * axes.across[1] + v * axes.down[1];
    });
    return this._field.motion(displacement);
  }
}

/**
 * Places as they lie beside the nodes.
 *
 * @param {Float32Array} places
 * @param {Float32Array} nodes
 */
const beside = (places, nodes) => places.map((at, index) => at - nodes[index]);
