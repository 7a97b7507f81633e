/** What a network needs from the server. */
import { FaceShapes } from "../emotion/face_shapes.js";
import { downloadAll } from "../download.js";
import { RUNTIME, openSession } from "./session.js";

/**
 * @param {string} name file of the network @param {string} base URL of the packaged files
 * @param {{ onprogress?: import("../download.js").ByteProgress, signal?: AbortSignal }} options
 */
export async function loadModel(name, base, options) {
  const files = [{ url: new URL(name, base) }, { url: new URL("face_shapes.npz", base) }, RUNTIME];
  const [model, shapes, runtime] = await downloadAll(files, options);
  return { session: await openSession(model, runtime), shapes: await FaceShapes.read(shapes) };
}
