/** The networks of the page, each in a worker of its own. */
import { openWorker } from "../worker_calls.js";
import { SAMPLE_RATE_HZ } from "./bundle_card.js";

/**
 * @typedef {import("../types.js").LandmarkSequence} LandmarkSequence
 * @typedef {import("./delivery.js").DeliveryOptions} DeliveryOptions
 * @typedef {import("../worker_calls.js").LoadOptions} LoadOptions
 */

/** Loads the network for whole recordings. @param {LoadOptions} [options] @returns {Promise<RecordingEngine>} */
export async function loadRecordings(options = {}) {
  const worker = new Worker(new URL("./recordings_worker.js", import.meta.url), { type: "module" });
  return new RecordingEngine(await openWorker(worker, options));
}

/** Loads the network for streams. @param {LoadOptions} [options] @returns {Promise<StreamEngine>} */
export async function loadStreams(options = {}) {
  const worker = new Worker(new URL("./streams_worker.js", import.meta.url), { type: "module" });
  return new StreamEngine(await openWorker(worker, options));
}

/** Animates faces with whole recordings. */
export class RecordingEngine {
  /** @param {import("../worker_calls.js").WorkerCalls} calls */
  constructor(calls) {
    this.calls = calls;
  }

  /**
   * The landmarks of a face that says the samples.
   *
   * @param {Float32Array} samples 16 kHz, mono
   * @param {import("../types.js").Points} identity
   * @param {DeliveryOptions & { onprogress?: (doneS: number, allS: number) => void, signal?: AbortSignal }} [options]
   *   once `signal` is aborted the promise is rejected with its reason
   * @returns {Promise<LandmarkSequence>}
   */
  generate(samples, identity, { onprogress, signal, ...options } = {}) {
    return this.calls.call("generate", { samples, identity, options }, { onprogress, signal });
  }

  /** Ends the worker. */
  close() {
    this.calls.close();
  }
}

/** Animates faces with voices that are still speaking. */
export class StreamEngine {
  #last = 0;

  /** @param {import("../worker_calls.js").WorkerCalls} calls */
  constructor(calls) {
    this.calls = calls;
  }

  /**
   * A stream for one voice; sound may be pushed at once.
   *
   * @param {import("../types.js").Points} identity
   * @param {DeliveryOptions} [options]
   */
  start(identity, options = {}) {
    this.#last += 1;
    return new LiveStream(this.calls, this.#last, identity, options);
  }

  /** Ends the worker and every stream. */
  close() {
    this.calls.close();
  }
}

/** A voice that is heard while it speaks. */
export class LiveStream {
  /** Told of the frames that became ready, in order. @type {(frames: LandmarkSequence) => void} */
  onframes = () => {};
  /** Told what went wrong; the stream has then ended. @type {(error: Error) => void} */
  onerror = (error) => reportError(error);
  /** Seconds of sound that were pushed and are not answered yet: grows where a machine is too slow. */
  behindS = 0;
  #open = true;

  /** @param {import("../worker_calls.js").WorkerCalls} calls @param {number} id @param {Float32Array} identity @param {DeliveryOptions} options */
  constructor(calls, id, identity, options) {
    this.calls = calls;
    this.id = id;
    /** Resolves when the options are found good, with the look-ahead; rejects with a UserError otherwise. */
    this.started = /** @type {Promise<{ lookAheadS: number }>} */ (
      calls.call("start", { id, identity, options }).catch((error) => this.#fail(error))
    );
    this.started.catch(() => {});
  }

  /** Hears more of the voice. @param {Float32Array} samples 16 kHz, mono */
  push(samples) {
    if (!this.#open) {
      return;
    }
    const durationS = samples.length / SAMPLE_RATE_HZ;
    this.behindS += durationS;
    this.#ask("push", { id: this.id, samples }).then(
      () => (this.behindS -= durationS),
      () => {},
    );
  }

  /** Gives the frames of the sound that is left; resolves after `onframes` was told of them. @returns {Promise<void>} */
  async flush() {
    await this.started;
    await this.#ask("flush", { id: this.id });
    this.close();
  }

  /** Ends the stream; no more frames come. */
  close() {
    if (this.#open) {
      this.#open = false;
      this.calls.call("close", { id: this.id }).catch(() => {});
    }
  }

  /** @param {string} name @param {any} argument */
  async #ask(name, argument) {
    try {
      const frames = await this.calls.call(name, argument);
      if (this.#open && frames.points.length) {
        this.onframes(frames);
      }
    } catch (error) {
      this.#fail(/** @type {Error} */ (error));
    }
  }

  /** @param {Error} error @returns {never} */
  #fail(error) {
    if (this.#open) {
      this.#open = false;
      this.onerror(error);
    }
    throw error;
  }
}
