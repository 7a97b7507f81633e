/** Functions of a worker, called from the page: with progress, cancelling, and errors that stay what they are. */
import { UserError } from "./errors.js";

/**
 * @typedef {object} CallOptions
 * @property {Transferable[]} [transfer] what the worker may keep
 * @property {(...news: any[]) => void} [onprogress]
 * @property {AbortSignal} [signal]
 *
 * @typedef {object} CallContext What a function of the worker is given beside its argument.
 * @property {(...news: any[]) => Promise<void>} onprogress tells the page, and lets it cancel meanwhile
 * @property {AbortSignal} signal
 *
 * @typedef {(argument: any, context: CallContext) => any} WorkerFunction
 *
 * @typedef {{ name: string, message: string }} Fault
 */

/** The page's side. */
export class WorkerCalls {
  #last = 0;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: any) => void, options: CallOptions }>} */
  #waiting = new Map();

  /** @param {Worker} worker */
  constructor(worker) {
    this.worker = worker;
    worker.addEventListener("message", ({ data }) => this.#receive(data));
    worker.addEventListener("error", (event) => this.#fail(event));
  }

  /**
   * The result of a function of the worker.
   *
   * @param {string} name @param {any} argument @param {CallOptions} [options]
   * @returns {Promise<any>}
   */
  call(name, argument, options = {}) {
    options.signal?.throwIfAborted();
    const number = (this.#last += 1);
    const answer = new Promise((resolve, reject) => this.#waiting.set(number, { resolve, reject, options }));
    this.worker.postMessage({ number, name, argument }, options.transfer ?? []);
    const cancel = () => this.#cancel(number);
    options.signal?.addEventListener("abort", cancel, { once: true });
    return answer.finally(() => options.signal?.removeEventListener("abort", cancel));
  }

  /** Ends the worker; what was called and is not done fails. */
  close() {
    this.worker.terminate();
    this.#rejectAll(new DOMException("The worker was closed.", "AbortError"));
  }

  /** The page does not wait until the worker has heard of it. @param {number} number */
  #cancel(number) {
    const call = this.#waiting.get(number);
    this.#waiting.delete(number);
    this.worker.postMessage({ number, cancelled: true });
    call?.reject(call.options.signal?.reason);
  }

  /** @param {{ number: number, news?: any[], fault?: Fault, value?: any }} message */
  #receive({ number, news, fault, value }) {
    const call = this.#waiting.get(number);
    if (news) {
      call?.options.onprogress?.(...news);
      return;
    }
    this.#waiting.delete(number);
    if (fault) {
      call?.reject(errorOf(fault));
    } else {
      call?.resolve(value);
    }
  }

  /** The worker could not be loaded, or broke down. @param {ErrorEvent} event */
  #fail(event) {
    const reason = event.message ? ` (${event.message})` : "";
    this.#rejectAll(new UserError(`A part of the page did not start${reason}: load the page again.`));
  }

  /** @param {Error} error */
  #rejectAll(error) {
    this.#waiting.forEach(({ reject }) => reject(error));
    this.#waiting.clear();
  }
}

/**
 * @typedef {object} LoadOptions
 * @property {string | URL} [base] URL of the packaged files, relative to the page; `assets/` unless given
 * @property {import("./download.js").ByteProgress} [onprogress]
 * @property {AbortSignal} [signal]
 */

/** The calls of a worker whose function `load` has done its work. @param {Worker} worker @param {LoadOptions} options */
export async function openWorker(worker, { base = "assets/", onprogress, signal }) {
  const calls = new WorkerCalls(worker);
  try {
    await calls.call("load", { base: new URL(base, document.baseURI).href }, { onprogress, signal });
  } catch (error) {
    calls.close();
    throw error;
  }
  return calls;
}

/** The worker's side. @param {Record<string, WorkerFunction>} functions */
export function answerCalls(functions) {
  const scope = /** @type {DedicatedWorkerGlobalScope} */ (/** @type {unknown} */ (self));
  /** @type {Map<number, AbortController>} */
  const running = new Map();
  scope.addEventListener("message", async ({ data: { number, name, argument, cancelled } }) => {
    if (cancelled) {
      running.get(number)?.abort();
      return;
    }
    const controller = new AbortController();
    running.set(number, controller);
    const onprogress = async (/** @type {any[]} */ ...news) => {
      scope.postMessage({ number, news });
      await turn();
    };
    try {
      const value = await functions[name](argument, { onprogress, signal: controller.signal });
      scope.postMessage({ number, value }, buffersOf(value));
    } catch (error) {
      scope.postMessage({ number, fault: faultOf(error) });
    }
    running.delete(number);
  });
}

/** Lets messages that wait be received. */
function turn() {
  return new Promise((resolve) => setTimeout(resolve));
}

/** What a result hands over instead of copying it. @param {any} value @returns {Transferable[]} */
function buffersOf(value) {
  if (typeof ImageBitmap !== "undefined" && value instanceof ImageBitmap) {
    return [value];
  }
  return value?.points?.buffer ? [value.points.buffer] : [];
}

/** @param {unknown} error @returns {Fault} */
function faultOf(error) {
  return error instanceof Error ? { name: error.name, message: error.message } : { name: "Error", message: `${error}` };
}

/** @param {Fault} fault */
function errorOf({ name, message }) {
  if (name === "UserError") {
    return new UserError(message);
  }
  return name === "AbortError" ? new DOMException(message, name) : new Error(message);
}
