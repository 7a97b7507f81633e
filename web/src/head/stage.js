/** The room in which a head is shown: camera, soft light, turning by drag. It draws when something has moved alone. */

import * as THREE from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import { RoomEnvironment } from "three/addons/environments/RoomEnvironment.js";

import { UserError } from "../errors.js";

const FIELD_OF_VIEW = 24;
/** Pictures narrower than so much of their height show a smaller head. */
const NARROWEST = 0.8;
/** How much more than the head the picture shows. */
const MARGIN = 1.1;

/** A canvas with light and a camera. */
export class Stage {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this._canvas = canvas;
    this._renderer = openRenderer(canvas);
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(FIELD_OF_VIEW, 1, 0.01, 100);
    this._controls = new OrbitControls(this.camera, canvas);
    this._controls.enablePan = false;
    this._controls.listenToKeyEvents(canvas);
    this._controls.addEventListener("change", this.draw);
    canvas.addEventListener("webglcontextrestored", this.draw);
    this._light();
    this._observer = new ResizeObserver(this.draw);
    this._observer.observe(canvas);
  }

  /**
   * Looks at a head from the front.
   * @param {THREE.Vector3} middle
   * @param {number} height of what is to be seen
   */
  frame(middle, height) {
    const distance = (height * MARGIN) / 2 / Math.tan(THREE.MathUtils.degToRad(FIELD_OF_VIEW / 2));
    this._controls.target.copy(middle);
    this.camera.position.set(middle.x, middle.y, middle.z + distance);
    this.camera.near = distance / 50;
    this.camera.far = distance * 20;
    this._controls.minDistance = distance * 0.4;
    this._controls.maxDistance = distance * 3;
    this.camera.updateProjectionMatrix();
    this._controls.update();
  }

  /** Draws the scene now. */
  draw = () => {
    const { clientWidth: width, clientHeight: height } = this._canvas;
    if (!width || !height) return;
    const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
    const size = this._renderer.getSize(new THREE.Vector2());
    if (size.x !== width || size.y !== height || this._renderer.getPixelRatio() !== ratio) {
      this._renderer.setPixelRatio(ratio);
      this._renderer.setSize(width, height, false);
      this.camera.aspect = width / height;
      this.camera.zoom = Math.min(1, this.camera.aspect / NARROWEST);
      this.camera.updateProjectionMatrix();
    }
    this._renderer.render(this.scene, this.camera);
  };

  /** Gives everything back. */
  dispose() {
    this._observer.disconnect();
    this._canvas.removeEventListener("webglcontextrestored", this.draw);
    this._controls.dispose();
    this.scene.environment?.dispose();
    this._renderer.dispose();
  }

  _light() {
    const maker = new THREE.PMREMGenerator(this._renderer);
    const room = new RoomEnvironment();
    this.scene.environment = maker.fromScene(room, 0.04).texture;
    this.scene.environmentIntensity = 0.55;
    room.dispose();
    maker.dispose();
    const key = new THREE.DirectionalLight(0xfff1e0, 1.6);
    key.position.set(0.6, 0.9, 1.2);
    const rim = new THREE.DirectionalLight(0xbcd4ff, 1.2);
    rim.position.set(-1, 0.6, -0.8);
    this.scene.add(key, rim);
  }
}

/** @param {HTMLCanvasElement} canvas */
function openRenderer(canvas) {
  try {
    const renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true });
    renderer.toneMapping = THREE.ACESFilmicToneMapping;
    return renderer;
  } catch {
    throw new UserError(
      "this browser shows no 3-D pictures (WebGL 2 is missing or off): use the portrait's view instead",
    );
  }
}
