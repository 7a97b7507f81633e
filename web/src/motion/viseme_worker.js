/** Hears visemes beside the page's thread. In: `{ file }`, then `{ samples }`; out: `{ ready }`, `{ share }`, `{ track }` or `{ error }`. */

import * as ort from "onnxruntime-web/wasm";

import { openVisemes } from "./viseme_session.js";
import { readVisemes } from "./visemes.js";

ort.env.wasm.numThreads = 1;

/** @type {import("./visemes.js").Session} */
let session;

self.onmessage = async ({ data }) => {
  try {
    if (data.file) {
      session = await openVisemes(ort, data.file);
      self.postMessage({ ready: true });
    } else {
      const onprogress = (/** @type {number} */ share) => self.postMessage({ share });
      self.postMessage({ track: await readVisemes(session, data.samples, { onprogress }) });
    }
  } catch (error) {
    self.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
};
