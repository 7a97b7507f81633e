/** Other views of a moving face: its points over the portrait, and the curve of the mouth's opening. */

import { EYE_CORNERS } from "../speech/landmarks.js";
import { clip } from "./anatomy.js";

/** @typedef {import("../types.js").Face} Face */
/** @typedef {import("../types.js").Points} Points */

/**
 * The lines a face is drawn with: first point, last point, and whether the line is closed. @type {[number, number,
 * boolean][]}
 */
const CONTOURS = [
  [0, 16, false],
  [17, 21, false],
  [22, 26, false],
  [27, 30, false],
  [31, 35, false],
  [36, 41, true],
  [42, 47, true],
  [48, 59, true],
  [60, 67, true],
];
const MOUTH = 48;
/** Half the width of a line and radius of a dot over the distance between the outer eye corners. */
const LINE_SHARE = 0.008;
const DOT_SHARE = 0.018;
/** Of the longer side: a smaller portrait is scaled up, so that the lines are fine beside the face. */
const LEAST_PX = 1080;
const LONGEST_PX = 1920;
const FACE_COLOUR = "rgb(214 240 255)";
const MOUTH_COLOUR = "rgb(255 214 72)";
const HALO = "rgb(10 12 20 / 0.35)";

/** The moving points over their portrait. */
export class PointsView {
  /**
   * @param {HTMLCanvasElement} canvas gets the shape of the portrait
   * @param {Face} face
   */
  constructor(canvas, face) {
    this._scale = clip(1, LEAST_PX / Math.max(face.width, face.height), LONGEST_PX / Math.max(face.width, face.height));
    [canvas.width, canvas.height] = [face.width, face.height].map((side) =>
      Math.max(1, Math.round(side * this._scale)),
    );
    this._canvas = canvas;
    this._picture = face.picture;
    this._pen = penOf(canvas);
    const [right, left] = EYE_CORNERS.map((point) => face.points.subarray(2 * point, 2 * point + 2));
    this._unitPx = this._scale * Math.hypot(left[0] - right[0], left[1] - right[1]);
    this.draw(face.points);
  }

  /** @param {Points} points */
  draw(points) {
    const [pen, { width, height }] = [this._pen, this._canvas];
    pen.drawImage(this._picture, 0, 0, width, height);
    const line = 2 * Math.max(0.7, LINE_SHARE * this._unitPx);
    pen.lineJoin = pen.lineCap = "round";
    for (const contour of CONTOURS) this._stroke(points, contour, HALO, line + 2);
    for (const contour of CONTOURS) this._stroke(points, contour, colourOf(contour[0]), line);
    for (let point = 0; point < points.length / 2; point++) this._dot(points, point);
  }

  /**
   * @param {Points} points
   * @param {[number, number, boolean]} contour
   * @param {string} colour
   * @param {number} width
   */
  _stroke(points, [first, last, closed], colour, width) {
    const pen = this._pen;
    pen.beginPath();
    for (let point = first; point <= last; point++) {
      pen.lineTo(this._scale * points[2 * point], this._scale * points[2 * point + 1]);
    }
    if (closed) pen.closePath();
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.stroke();
  }

  /**
   * @param {Points} points
   * @param {number} point
   */
  _dot(points, point) {
    const [x, y] = [this._scale * points[2 * point], this._scale * points[2 * point + 1]];
    this._pen.beginPath();
    this._pen.arc(x, y, Math.max(1.3, DOT_SHARE * this._unitPx), 0, 2 * Math.PI);
    this._pen.fillStyle = colourOf(point);
    this._pen.fill();
  }
}

/** @param {number} point */
const colourOf = (point) => (point >= MOUTH ? MOUTH_COLOUR : FACE_COLOUR);

/** @param {HTMLCanvasElement} canvas */
const penOf = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

/** What the curve shows at once, in seconds, and up to which opening, in eye distances. */
const SHOWN_S = 6;
const FULL = 0.3;
/** Lips nearer than this are shut. */
const SHUT = 0.03;

/** How far the mouth has been open, over the last seconds; its colours are the canvas' CSS variables. */
export class OpeningCurve {
  /** @param {HTMLCanvasElement} canvas of the size that CSS gives it */
  constructor(canvas) {
    this._canvas = canvas;
    this._pen = penOf(canvas);
    /** @type {{ timeS: number, opening: number }[]} */
    this._moments = [];
  }

  /**
   * @param {number} timeS a time before the last one begins a new curve
   * @param {number} opening in eye distances
   */
  push(timeS, opening) {
    const last = this._moments.at(-1);
    if (last && timeS < last.timeS) this._moments = [];
    this._moments.push({ timeS, opening });
    while (this._moments[1]?.timeS < timeS - SHOWN_S) this._moments.shift();
  }

  clear() {
    this._moments = [];
  }

  draw() {
    const { width, height } = this._fitted();
    const style = getComputedStyle(this._canvas);
    const colour = (/** @type {string} */ name, /** @type {string} */ otherwise) =>
      style.getPropertyValue(name).trim() || otherwise;
    const pen = this._pen;
    pen.clearRect(0, 0, width, height);
    pen.lineJoin = "round";
    this._line(this._shutLine(width, height), colour("--curve-shut", style.color), 1, [3, 4]);
    this._line(this._curve(width, height), colour("--curve", style.color), 2, []);
  }

  /** The canvas at the density of the screen, its size in CSS pixels. */
  _fitted() {
    const { clientWidth: width, clientHeight: height } = this._canvas;
    const density = devicePixelRatio || 1;
    const [wide, high] = [width, height].map((side) => Math.max(1, Math.round(side * density)));
    if (this._canvas.width !== wide || this._canvas.height !== high) {
      this._canvas.width = wide;
      this._canvas.height = high;
    }
    this._pen.setTransform(density, 0, 0, density, 0, 0);
    return { width, height };
  }

  /**
   * @param {number} opening
   * @param {number} height
   */
  _yOf(opening, height) {
    return height - 2 - (height - 4) * Math.min(Math.max(opening, 0) / FULL, 1);
  }

  /**
   * @param {number} width
   * @param {number} height
   * @returns {[number, number][]}
   */
  _shutLine(width, height) {
    const y = this._yOf(SHUT, height);
    return [
      [0, y],
      [width, y],
    ];
  }

  /**
   * @param {number} width
   * @param {number} height
   * @returns {[number, number][]}
   */
  _curve(width, height) {
    const end = Math.max(this._moments.at(-1)?.timeS ?? 0, SHOWN_S);
    return this._moments.map(({ timeS, opening }) => [
      width * (1 - (end - timeS) / SHOWN_S),
      this._yOf(opening, height),
    ]);
  }

  /**
   * @param {[number, number][]} places
   * @param {string} colour
   * @param {number} width
   * @param {number[]} dashes
   */
  _line(places, colour, width, dashes) {
    const pen = this._pen;
    pen.beginPath();
    for (const [x, y] of places) pen.lineTo(x, y);
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.setLineDash(dashes);
    pen.stroke();
  }
}
