/** The portrait that talks, drawn with WebGL2: one picture for each face of 68 moving points. */

import { STILL } from "../motion/life.js";
import { Painting } from "./painting.js";
import { checkFace, checkMouth, readPixels } from "./portrait.js";
import { Sitting } from "./sitting.js";

/** @typedef {import("../types.js").Face} Face */
/** @typedef {import("../types.js").LifeSigns} LifeSigns */
/** @typedef {import("../types.js").Points} Points */

/** A portrait with a longer side is drawn smaller. */
export const LONGEST_PX = 1920;

/** A portrait and its 68 landmarks, ready to talk. */
export class TalkingPicture {
  /**
   * @param {HTMLCanvasElement} canvas gets the size of the portrait
   * @param {Face} face
   * @param {{ seed?: number, longestPx?: number }} [options] the seed of the grain in the mouth; how large the picture may be
   */
  constructor(canvas, face, { seed = 0, longestPx = LONGEST_PX } = {}) {
    checkFace(face);
    const { raster, scale } = readPixels(face, longestPx);
    this.canvas = canvas;
    this._raster = raster;
    this._scale = scale;
    checkMouth(raster, this._placed(face.points));
    this._sitting = new Sitting(raster, this._placed(face.points), seed);
    [canvas.width, canvas.height] = [raster.width, raster.height];
    /** @type {{ points: Points, life: LifeSigns } | null} */
    this._last = null;
    /** @type {Painting | null} */
    this._painting = new Painting(canvas, raster, this._sitting);
    canvas.addEventListener("webglcontextlost", this._lost);
    canvas.addEventListener("webglcontextrestored", this._restored);
    this.drawRest();
  }

  /**
   * How far the lips of landmarks are apart, in eye distances, once they are settled.
   *
   * @param {Points} points
   */
  opening(points) {
    return this._sitting.opening(this._placed(points));
  }

  /**
   * Draw one moment.
   *
   * @param {Points} points the motion of the whole head in them is left out
   * @param {LifeSigns} [life] what the face does beside speaking
   */
  draw(points, life = STILL) {
    this._last = { points: points.slice(), life };
    this._painting?.draw(this._sitting.moment(this._placed(points), life));
  }

  /** Draw the portrait as it is. */
  drawRest() {
    this._last = null;
    this._painting?.drawRest();
  }

  /** Give back what the picture holds of the graphics; the canvas may be used again. */
  dispose() {
    this.canvas.removeEventListener("webglcontextlost", this._lost);
    this.canvas.removeEventListener("webglcontextrestored", this._restored);
    this._painting?.dispose();
    this._painting = null;
  }

  /** @param {Event} event */
  _lost = (event) => {
    event.preventDefault();
    this._painting = null;
  };

  _restored = () => {
    this._painting = new Painting(this.canvas, this._raster, this._sitting);
    if (this._last) this.draw(this._last.points, this._last.life);
    else this.drawRest();
  };

  /**
   * Points in pixels of what is drawn.
   *
   * @param {Points} points
   */
  _placed(points) {
    return points.map((at) => at * this._scale);
  }
}
