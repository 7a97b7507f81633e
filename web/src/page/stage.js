/** What is seen: the portrait and its other views, drawn as often as the display shows a picture. */

import { Life, MotionReader } from "../motion/index.js";
import { OpeningCurve, PointsView, TalkingPicture } from "../picture/index.js";
import { at, canvasAt } from "./elements.js";
import { kindsOf } from "./options.js";

/** @typedef {import("../types.js").Face} Face */
/** @typedef {import("../types.js").Points} Points */
/** @typedef {"picture" | "points" | "head"} ViewName */

const WIDEST = 4 / 3;
const TALLEST = 3 / 4;

export class Stage {
  /** @type {Face | null} */
  face = null;
  /** @type {ViewName} */
  view = "picture";
  /** Which signs of life there are. */
  manner = { blinks: true, sway: true };
  /** The face that is to be seen now; null for the face at rest. @type {() => Points | null} */
  follow = () => null;

  constructor() {
    this._curve = new OpeningCurve(canvasAt("curve"));
    this._life = new Life();
    this._draw = this._draw.bind(this);
    document.addEventListener("visibilitychange", () => this.wake());
  }

  /** Show another face. @param {Face} face */
  show(face) {
    const canvas = freshCanvas("picture");
    this._picture?.dispose();
    this._picture = new TalkingPicture(canvas, face);
    this._points = new PointsView(canvasAt("points"), face);
    this.setRest(face.points);
    this.face = face;
    const ratio = Math.min(WIDEST, Math.max(TALLEST, face.width / face.height));
    at("card").style.setProperty("--ratio", String(ratio));
    this._picture.drawRest();
    at("still").hidden = true;
    this.wake();
  }

  /** From which face the head's motion is counted. @param {Points} rest */
  setRest(rest) {
    this._reader = new MotionReader(rest);
    this._rest = rest;
    this.wake();
  }

  /** The picture that films are made of. */
  get picture() {
    if (!this._picture) throw new Error("no face is shown yet");
    return this._picture;
  }

  /** @param {{ blinks: boolean, sway: boolean }} manner */
  setManner({ blinks, sway }) {
    this.manner = { blinks, sway };
    this._life = new Life({ kinds: kindsOf({ blinks, sway }) });
    this.wake();
  }

  /** @param {ViewName} view */
  async setView(view) {
    if (view === "head") await this._openHead();
    this.view = view;
    for (const name of ["picture", "points", "head"]) at(name).hidden = name !== view;
    this.wake();
  }

  /**
   * Another head than ours.
   * @param {ArrayBuffer} file GLB or VRM
   * @returns {Promise<{ found: string[], missing: string[] }>} which ARKit shapes it has, and which it lacks
   */
  async loadHead(file) {
    const head = await this._openHead();
    return head.load(file);
  }

  /**
   * Leave the picture to somebody else for a while: a film is drawn on it.
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async lend(work) {
    this._lent = true;
    try {
      return await work();
    } finally {
      this._lent = false;
      this.wake();
    }
  }

  /** Draw from now on, if something moves. */
  wake() {
    if (!this._request && document.visibilityState === "visible") this._request = requestAnimationFrame(this._draw);
  }

  async _openHead() {
    if (this._head) return this._head;
    const { Head } = await import("../head/index.js");
    const head = new Head(canvasAt("head"));
    await head.load(null);
    this._head = head;
    return head;
  }

  /** @param {number} nowMs */
  _draw(nowMs) {
    this._request = 0;
    if (!this._picture || !this.face || this._lent) return;
    const spoken = this.follow();
    const points = spoken ?? this.face.points;
    const opening = this._picture.opening(points);
    const life = this._life.at(nowMs / 1000, opening);
    this._drawView(this.view === "head" ? (spoken ?? this._rest ?? points) : points, life);
    this._curve.push(nowMs / 1000, opening);
    this._curve.draw();
    if (spoken || this._moves || this.view === "head") this.wake();
  }

  /** @param {Points} points @param {import("../types.js").LifeSigns} life */
  _drawView(points, life) {
    if (this.view === "picture") this._picture?.draw(points, life);
    else if (this.view === "points") this._points?.draw(points);
    else if (this._head && this._reader) {
      const { weights, head } = this._reader.read(points);
      this._head.draw(weights, head, life);
    }
  }

  get _moves() {
    return this.manner.blinks || this.manner.sway;
  }
}

/** A canvas in the place of the one with this id: what draws with WebGL keeps its own. @param {string} id */
function freshCanvas(id) {
  const old = canvasAt(id);
  const fresh = /** @type {HTMLCanvasElement} */ (old.cloneNode());
  old.replaceWith(fresh);
  return fresh;
}
