/** A head in three dimensions that weights, angles and signs of life move. Import it when it is first shown: it is large. */

import * as THREE from "three";

import { UserError } from "../errors.js";
import { STILL } from "../motion/life.js";
import { ARKIT_SHAPES } from "../motion/face_shapes.js";
import { readAvatar } from "./avatar.js";
import { headPlace, livelyWeights } from "./lively_weights.js";
import { Stage } from "./stage.js";
import { turningsOf } from "./turning.js";

/** @typedef {import("../types.js").LifeSigns} LifeSigns */
/** @typedef {import("./turning.js").Turning} Turning */

const OWN_HEAD = new URL("./head.glb", import.meta.url);
/** In heights of the face, from brows to chin: between the outer corners of the eyes, how much is shown, from where. */
const EYES_OF_FACE = 0.6;
const SHOWN = 1.8;
const UPWARD = 0.12;

/** A canvas with a head. */
export class Head {
  /** @param {HTMLCanvasElement} canvas its size on the page is the size of the picture */
  constructor(canvas) {
    this._stage = new Stage(canvas);
    this._holder = new THREE.Group();
    this._stage.scene.add(this._holder);
    /** @type {import("./avatar.js").Avatar | null} */
    this._avatar = null;
    /** @type {Turning[]} */
    this._turnings = [];
    this._faceHeight = 1;
    this._loads = 0;
    this._shown = "";
  }

  /**
   * Shows a head from a GLB or VRM file; null: our own. What was shown stays where the file cannot be used, or where
   * another one was asked for meanwhile.
   * @param {ArrayBuffer | null} [file]
   * @returns {Promise<{ found: string[], missing: string[] }>} which shapes or expressions the file has, and which it lacks
   */
  async load(file = null) {
    const number = ++this._loads;
    const avatar = await readAvatar(file ?? (await ownHead()));
    if (number === this._loads) this._show(avatar);
    else release(avatar.scene);
    return { found: avatar.found, missing: avatar.missing };
  }

  /**
   * Shows one moment; nothing is drawn where nothing moved.
   * @param {ArrayLike<number>} weights 52, in the order of `ARKIT_SHAPES`
   * @param {ArrayLike<number>} headAngles yaw, pitch, roll in radians
   * @param {LifeSigns} [life]
   */
  draw(weights, headAngles, life = STILL) {
    if (!this._avatar) return;
    const lively = livelyWeights(weights, life);
    const { rotation, shift, size } = headPlace(headAngles, life);
    const moment = [...lively, ...rotation, ...shift, size].map((value) => value.toFixed(4)).join();
    if (moment === this._shown) return;
    this._shown = moment;
    const turn = new THREE.Quaternion(...rotation);
    for (const turning of this._turnings) turning.to(turn);
    this._avatar.shape(lively);
    const unit = this._faceHeight * EYES_OF_FACE;
    this._holder.position.set(shift[0] * unit, shift[1] * unit, 0);
    this._holder.scale.setScalar(size);
    this._stage.draw();
  }

  /** Gives everything back. */
  dispose() {
    this._loads++;
    release(this._holder);
    this._stage.dispose();
  }

  /** @param {import("./avatar.js").Avatar} avatar */
  _show(avatar) {
    release(this._holder);
    this._holder.clear().add(avatar.scene);
    this._holder.position.set(0, 0, 0);
    this._holder.scale.setScalar(1);
    this._avatar = avatar;
    this._turnings = turningsOf(avatar.head ?? avatar.scene);
    this._faceHeight = avatar.face.max.y - avatar.face.min.y;
    const middle = avatar.face.getCenter(new THREE.Vector3());
    this._stage.frame(middle.setY(middle.y + UPWARD * this._faceHeight), SHOWN * this._faceHeight);
    this._shown = "";
    this.draw(new Float32Array(ARKIT_SHAPES.length), [0, 0, 0]);
  }
}

async function ownHead() {
  const answer = await fetch(OWN_HEAD);
  if (!answer.ok) throw new UserError(`the 3-D head could not be loaded (${answer.status}): load the page again`);
  return answer.arrayBuffer();
}

/** @param {THREE.Object3D} scene */
function release(scene) {
  scene.traverse((node) => {
    const { geometry, material } = /** @type {THREE.Mesh} */ (node);
    geometry?.dispose();
    for (const one of [material].flat()) {
      for (const value of Object.values(one ?? {})) if (value instanceof THREE.Texture) value.dispose();
      one?.dispose();
    }
  });
}
