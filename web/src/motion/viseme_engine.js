/** Visemes in a worker of their own, loaded when an export first needs them. */

import { UserError } from "../errors.js";

/** @typedef {import("./visemes.js").VisemeTrack} VisemeTrack */

/**
 * Fetches the network and opens it.
 * @param {{ base: string, signal?: AbortSignal }} options `base`: the folder of the assets, with its slash
 * @returns {Promise<VisemeEngine>}
 */
export async function loadVisemes({ base, signal }) {
  const url = `${base}visemes.onnx`;
  const answer = await fetch(url, { signal });
  if (!answer.ok) throw new UserError(`${url}: the server answered ${answer.status}: load the page again`);
  const file = new Uint8Array(await answer.arrayBuffer());
  const engine = new VisemeEngine(new Worker(new URL("./viseme_worker.js", import.meta.url), { type: "module" }));
  await engine.open(file);
  return engine;
}

/** Hears one recording at a time. */
export class VisemeEngine {
  /** @param {Worker} worker */
  constructor(worker) {
    this._worker = worker;
  }

  /** @param {Uint8Array<ArrayBuffer>} file */
  open(file) {
    return this._asked({ file }, [file.buffer]);
  }

  /**
   * The visemes of a recording.
   * @param {Float32Array} samples mono at 16 kHz
   * @param {{ onprogress?: (share: number) => void }} [options]
   * @returns {Promise<VisemeTrack>}
   */
  async read(samples, { onprogress } = {}) {
    const { track } = await this._asked({ samples }, [], onprogress);
    return track;
  }

  /** Ends the worker. */
  close() {
    this._worker.terminate();
  }

  /**
   * @param {object} message
   * @param {Transferable[]} given
   * @param {(share: number) => void} [onprogress]
   * @returns {Promise<any>}
   */
  _asked(message, given, onprogress) {
    return new Promise((resolve, reject) => {
      this._worker.onmessage = ({ data }) => {
        if ("share" in data) onprogress?.(data.share);
        else if ("error" in data)
          reject(new UserError(`the visemes cannot be read (${data.error}): load the page again`));
        else resolve(data);
      };
      this._worker.onerror = () =>
        reject(new UserError("the program that reads visemes broke off: load the page again"));
      this._worker.postMessage(message, given);
    });
  }
}
