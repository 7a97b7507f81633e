/** Visemes in a worker of their own, loaded when an export first needs them. */
import { openWorker } from "../worker_calls.js";

/** @typedef {import("./visemes.js").VisemeTrack} VisemeTrack */

/**
 * Fetches the network and opens it.
 *
 * @param {import("../worker_calls.js").LoadOptions} [options]
 * @returns {Promise<VisemeEngine>}
 */
export async function loadVisemes(options = {}) {
  const worker = new Worker(new URL("./viseme_worker.js", import.meta.url), { type: "module" });
  return new VisemeEngine(await openWorker(worker, options));
}

/** Hears recordings. */
export class VisemeEngine {
  /** @param {import("../worker_calls.js").WorkerCalls} calls */
  constructor(calls) {
    this.calls = calls;
  }

  /**
   * The visemes of a recording.
   *
   * @param {Float32Array} samples mono at 16 kHz
   * @param {{ onprogress?: (share: number) => void, signal?: AbortSignal }} [options]
   * @returns {Promise<VisemeTrack>}
   */
  read(samples, options = {}) {
    return this.calls.call("read", { samples }, options);
  }

  /** Ends the worker. */
  close() {
    this.calls.close();
  }
}
