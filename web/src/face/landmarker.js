/** MediaPipe's face landmarker in WebAssembly, with the package's own file of weights. */
import { FaceLandmarker } from "@mediapipe/tasks-vision";
import { UserError } from "../errors.js";
import { to68 } from "./mesh.js";
import { bounds } from "./views.js";

/** MediaPipe's loader, and its WebAssembly with its bytes: Vite serves and copies them. */
const LOADER_URL = new URL(
  "../../node_modules/@mediapipe/tasks-vision/wasm/vision_wasm_module_internal.js",
  import.meta.url,
);
export const RUNTIME = {
  url: new URL("../../node_modules/@mediapipe/tasks-vision/wasm/vision_wasm_module_internal.wasm", import.meta.url),
  size: 12_997_272,
};
const MAX_FACES = 8;
/** A narrower picture holds no face, and fails in MediaPipe. */
const MIN_SIDE_PX = 8;

/**
 * What finds the faces of a picture.
 *
 * @param {ArrayBuffer} weights `face_landmarker.task` @param {ArrayBuffer} runtime the file at `RUNTIME`
 * @returns {Promise<import("./views.js").Finder>}
 */
export async function openLandmarker(weights, runtime) {
  const runtimeUrl = URL.createObjectURL(new Blob([runtime], { type: "application/wasm" }));
  try {
    const landmarker = await FaceLandmarker.createFromOptions(
      { wasmLoaderPath: LOADER_URL.href, wasmBinaryPath: runtimeUrl },
      { baseOptions: { modelAssetBuffer: new Uint8Array(weights), delegate: "CPU" }, numFaces: MAX_FACES },
    );
    return { find: (picture) => findFaces(landmarker, picture) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`This browser could not start the face finder (${reason.slice(0, 200)}): use a newer one.`, {
      cause: error,
    });
  } finally {
    URL.revokeObjectURL(runtimeUrl);
  }
}

/** @param {FaceLandmarker} landmarker @param {import("./pixels.js").Pixels} picture */
function findFaces(landmarker, { width, height, data }) {
  if (Math.min(width, height) < MIN_SIDE_PX) {
    return [];
  }
  const image = new ImageData(/** @type {Uint8ClampedArray<ArrayBuffer>} */ (data), width, height);
  const { faceLandmarks } = landmarker.detect(image);
  return faceLandmarks.map((mesh) => to68(mesh, width, height)).sort((one, other) => area(other) - area(one));
}

/** @param {Float32Array} face */
function area(face) {
  const { low, high } = bounds(face);
  return (high[0] - low[0]) * (high[1] - low[1]);
}
