/** A sitting on a canvas: what of it lies in the graphics' memory, and the drawing of a moment. */

import { LOWER_INNER, lipGap } from "./anatomy.js";
import { Program, Texture, graphicsOf } from "./graphics.js";
import { cornersRound } from "./mouth.js";
import { RIM_PX } from "./polygon.js";
import { TABLE, heights, openingEdges, seamLine } from "./seam.js";
import { COPY, EYE, FACE } from "./shaders.js";
import { highOf, lowOf, movedWithHead } from "./stage.js";

/** @typedef {import("./eyes.js").Eye} Eye */
/** @typedef {import("./field.js").Box} Box */
/** @typedef {import("./raster.js").Raster} Raster */
/** @typedef {import("./sitting.js").Moment} Moment */
/** @typedef {import("./sitting.js").Sitting} Sitting */

/** Lips so far apart let all the light in. */
const BRIGHT_GAP = 0.14;
const LIT_LEAST = 0.72;
const SHADED = 0.66;
/** How far the shadow of the lips reaches. */
const UNDER_LIP = 0.02;
/** How much wider than asked OpenCV draws a smooth line of more than one pixel. */
const LINE_RIM_PX = 1.9;
/** Points of the jaw that the lower teeth go with. */
const JAW = [57, 66, 8];
const [RIGHT_CORNER, LEFT_CORNER] = [LOWER_INNER[0], LOWER_INNER[LOWER_INNER.length - 1]];

export class Painting {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Raster & { data: Uint8ClampedArray }} picture RGBA, of the canvas' size
   * @param {Sitting} sitting
   */
  constructor(canvas, picture, sitting) {
    const gl = graphicsOf(canvas);
    this._gl = gl;
    this._sitting = sitting;
    this._width = picture.width;
    this._height = picture.height;
    this._copy = new Program(gl, COPY);
    this._eye = new Program(gl, EYE);
    this._face = new Program(gl, FACE);
    this._portrait = new Texture(gl, "RGBA8").fill(picture.width, picture.height, picture.data);
    /** The portrait with its eyes as they are now. */
    this._source = new Texture(gl, "RGBA8").fill(picture.width, picture.height, picture.data);
    this._eyesNow = "";
    this._buffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this._buffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this._source.texture, 0);
    this._lids = sitting.eyes.map(({ width, height, lid }) => new Texture(gl, "RGBA8").fill(width, height, lid));
    this._motion = new Texture(gl, "RGBA32F");
    this._still = new Texture(gl, "RG32F");
    this._edges = new Texture(gl, "RGBA32F");
    this._axes = { uOrigin: sitting.axes.origin, uAcross: sitting.axes.across, uUnit: sitting.axes.unitPx };
    this._plates = platesOf(gl, sitting);
    this._fixed = this._fixedValues();
    gl.disable(gl.BLEND);
    gl.disable(gl.DITHER);
    gl.enable(gl.SCISSOR_TEST);
  }

  drawRest() {
    this._drawEyes(0, [0, 0]);
    this._drawPortrait();
  }

  /** @param {Moment} moment */
  draw(moment) {
    this._drawEyes(moment.closed, moment.gaze);
    this._drawPortrait();
    const around = this._around(moment);
    const box = united(moment.grid.movedBox(moment.upper, moment.lower), around);
    this._fillTables(moment);
    this._onScreen(box);
    this._face.draw({ ...this._fixed, ...this._gridValues(moment), ...this._openingValues(moment, around) });
  }

  dispose() {
    for (const program of [this._copy, this._eye, this._face]) program.dispose();
    const textures = [this._portrait, this._source, this._motion, this._still, this._edges];
    for (const texture of [...textures, ...this._lids, ...Object.values(this._plates)]) texture.dispose();
    this._gl.deleteFramebuffer(this._buffer);
  }

  /** What of a picture's motion is the same at every moment. */
  _fixedValues() {
    const { axes, seam, plates, light } = this._sitting;
    return {
      ...this._axes,
      ...this._plates,
      uPicture: this._source,
      uBottom: this._height,
      uSeamEnds: seamEnds(seam),
      uLow: [plates.left, plates.top],
      uToothed: plates.own !== null,
      uShaded: plates.own ? 0 : 1 - SHADED,
      uBlur: this._blurs(Math.max(0.4, 0.7 * light.blurPx), Math.max(1, UNDER_LIP * axes.unitPx)),
      uRim: RIM_PX / axes.unitPx,
      uLineColour: light.lips.map((value) => (0.35 * value) / 255),
      uMotion: this._motion,
      uStill: this._still,
      uEdges: this._edges,
    };
  }

  /**
   * The blur of the opening's edge, and that of the light in it, in eye distances.
   *
   * @param {number} sharpPx
   * @param {number} softPx
   */
  _blurs(sharpPx, softPx) {
    return [sharpPx, Math.hypot(sharpPx, softPx)].map((deviation) => deviation / this._sitting.axes.unitPx);
  }

  /** @param {Moment} moment */
  _fillTables({ grid, upper, lower, still, face }) {
    const motion = new Float32Array(4 * grid.size);
    for (let node = 0; node < grid.size; node++) {
      motion[4 * node] = upper[2 * node];
      motion[4 * node + 1] = upper[2 * node + 1];
      motion[4 * node + 2] = lower[2 * node];
      motion[4 * node + 3] = lower[2 * node + 1];
    }
    this._motion.fill(grid.columns, grid.rows, motion);
    this._still.fill(grid.columns, grid.rows, still);
    const [edges, ends] = [openingEdges(face), endsOf(face)];
    const lines = [edges.upper, edges.lower, seamLine(face)].map((line) => heights(line, ends[0], ends[1]));
    this._edges.fill(TABLE, 1, table(...lines));
  }

  /** @param {Moment} moment */
  _gridValues({ grid, face }) {
    return { uFirst: grid.first, uStep: grid.step, uEnds: endsOf(face) };
  }

  /**
   * @param {Moment} moment
   * @param {Box} around
   */
  _openingValues({ face }, { left, top, right, bottom }) {
    const { axes, shown } = this._sitting;
    const gap = lipGap(face);
    const wide = Math.min(1, gap / Math.max(BRIGHT_GAP, shown.gap));
    const jaw = [0, 1].map((axis) => {
      return JAW.reduce((sum, point) => sum + face[2 * point + axis] - shown.face[2 * point + axis], 0) / JAW.length;
    });
    const strength = shown.gap ? 0.55 * Math.max(0, 1 - gap / (0.5 * shown.gap)) : 0;
    const width = Math.max(1, Math.round(0.012 * axes.unitPx));
    const painted = width > 1 ? width + LINE_RIM_PX : 1.2;
    return {
      uAround: [left, top, right, bottom],
      uGap: gap,
      uLit: LIT_LEAST + (1 - LIT_LEAST) * wide,
      uJaw: [0, 1].map((axis) => axes.unitPx * (jaw[0] * axes.across[axis] + jaw[1] * axes.down[axis])),
      uLine: [strength, painted / axes.unitPx, Math.max(0.6 / axes.unitPx, 0.008)],
    };
  }

  /**
   * The cells round the mouth.
   *
   * @param {Moment} moment
   * @returns {Box}
   */
  _around({ grid, face, life }) {
    const { axes } = this._sitting;
    const middle = [0, 1].map((axis) => (face[2 * RIGHT_CORNER + axis] + face[2 * LEFT_CORNER + axis]) / 2);
    const corners = movedWithHead(axes.toPixels(cornersRound(middle)), axes, life);
    const [low, high] = [lowOf(corners), highOf(corners)];
    const [left, top] = low.map((at, axis) => Math.floor((at - [grid.left, grid.top][axis]) / grid.step));
    const [right, bottom] = high.map((at, axis) => Math.ceil((at - [grid.left, grid.top][axis]) / grid.step));
    return grid.cells(left, top, right, bottom);
  }

  /**
   * @param {number} closed
   * @param {[number, number]} gaze
   */
  _drawEyes(closed, gaze) {
    const wanted = [closed, ...gaze].join();
    if (wanted === this._eyesNow) return;
    this._eyesNow = wanted;
    const gl = this._gl;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this._buffer);
    gl.viewport(0, 0, this._width, this._height);
    this._sitting.eyes.forEach((eye, at) => {
      gl.scissor(eye.left, eye.top, eye.width, eye.height);
      this._eye.draw({
        ...this._axes,
        ...eyeValues(eye),
        uPicture: this._portrait,
        uLid: this._lids[at],
        uClosed: closed,
        uGaze: gaze,
      });
    });
  }

  _drawPortrait() {
    this._onScreen({ left: 0, top: 0, right: this._width, bottom: this._height });
    this._copy.draw({ uPicture: this._source, uBottom: this._height });
  }

  /**
   * Draw on a part of the canvas.
   *
   * @param {Box} box
   */
  _onScreen({ left, top, right, bottom }) {
    const gl = this._gl;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, this._width, this._height);
    gl.scissor(left, this._height - bottom, Math.max(right - left, 0), Math.max(bottom - top, 0));
  }
}

/**
 * What lies behind the lips, and the seam between them, in the graphics' memory.
 *
 * @param {WebGL2RenderingContext} gl
 * @param {Sitting} sitting
 */
function platesOf(gl, { seam, plates }) {
  const { width, height, dark, upper, lower } = plates.cavity;
  const rgba = (/** @type {number} */ wide, /** @type {number} */ high, /** @type {Uint8ClampedArray | null} */ data) =>
    new Texture(gl, "RGBA8").fill(wide, high, data);
  return {
    uSeam: new Texture(gl, "RGBA32F").fill(TABLE, 1, table(heights(seam, ...seamEnds(seam)))),
    uDark: rgba(width, height, dark),
    uUpper: rgba(width, height, upper),
    uLower: rgba(width, height, lower),
    uOwn: plates.own ? rgba(width, height, plates.own) : rgba(1, 1, null),
  };
}

/**
 * @param {Float64Array} seam
 * @returns {[number, number]}
 */
const seamEnds = (seam) => [seam[0], seam[seam.length - 2]];

/**
 * @param {Eye} eye
 * @returns {Record<string, import("./graphics.js").Value>}
 */
const eyeValues = ({ left, top, edges, lash }) => ({
  uLow: Int32Array.of(left, top),
  uCorners: [edges.first, edges.last],
  uUpperLid: [...edges.upper],
  uLowerLid: [...edges.lower],
  uLash: lash.map((value) => value / 255),
});

/**
 * Where the inner lips end, the first before the last whatever the landmarks.
 *
 * @param {Float64Array} face
 */
function endsOf(face) {
  const [first, last] = [face[2 * RIGHT_CORNER], face[2 * LEFT_CORNER]];
  return [first, Math.max(last, first + 1e-3)];
}

/**
 * Lines of numbers side by side, as a texture has them.
 *
 * @param {...Float64Array} lines
 */
function table(...lines) {
  const found = new Float32Array(4 * TABLE);
  lines.forEach((line, part) => line.forEach((value, at) => (found[4 * at + part] = value)));
  return found;
}

/**
 * @param {Box | null} first
 * @param {Box} second
 * @returns {Box}
 */
function united(first, second) {
  if (!first) return second;
  return {
    left: Math.min(first.left, second.left),
    top: Math.min(first.top, second.top),
    right: Math.max(first.right, second.right),
    bottom: Math.max(first.bottom, second.bottom),
  };
}
