/** The 68 points of a face in a picture. */
import { WorkerCalls, openWorker } from "../worker_calls.js";
import { pixelsOf } from "./picture.js";

/** @typedef {import("../types.js").Points} Points */

/**
 * The picture in a file: turned as its camera was held, on white where it is transparent, its longer side at most 1600
 * pixels; a UserError says why there is none.
 *
 * @param {File | Blob} file
 * @returns {Promise<ImageBitmap>}
 */
export async function readPicture(file) {
  const calls = new WorkerCalls(new Worker(new URL("./picture_worker.js", import.meta.url), { type: "module" }));
  try {
    return await calls.call("read", { file, name: file instanceof File ? file.name : "the picture" });
  } finally {
    calls.close();
  }
}

/** Loads the face finder. @param {import("../worker_calls.js").LoadOptions} [options] @returns {Promise<FaceFinder>} */
export async function loadFaceFinder(options = {}) {
  const worker = new Worker(new URL("./face_worker.js", import.meta.url), { type: "module" });
  return new FaceFinder(await openWorker(worker, options));
}

/** Finds the one face of a portrait. */
export class FaceFinder {
  /** @param {WorkerCalls} calls */
  constructor(calls) {
    this.calls = calls;
  }

  /**
   * The points of the face that is to speak; a UserError says why there is none.
   *
   * @param {ImageBitmap | HTMLCanvasElement | OffscreenCanvas} picture as `readPicture` gives it
   * @param {object} [options]
   * @param {string} [options.name] what to call the picture in a message
   * @param {number | null} [options.person] which of several, from the left from 1; the largest unless given
   * @param {(note: string) => void} [options.onnote] told of what the person may want to know
   * @returns {Promise<Points>}
   */
  find(picture, { name = "the picture", person = null, onnote } = {}) {
    const pixels = pixelsOf(picture);
    const transfer = [pixels.data.buffer];
    return this.calls.call("find", { pixels, where: name, person }, { transfer, onprogress: onnote });
  }

  /** Ends the worker. */
  close() {
    this.calls.close();
  }
}
