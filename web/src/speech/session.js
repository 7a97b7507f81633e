/** A network of the package in onnxruntime's WebAssembly build, on one thread, with what it says about itself. */
import { InferenceSession, Tensor, env } from "onnxruntime-web/wasm";
import { UserError } from "../errors.js";
import { readMetadata } from "./onnx_metadata.js";

/** Onnxruntime's WebAssembly and its bytes: Vite serves and copies it, and node reads it as a file. */
export const RUNTIME = {
  url: new URL("../../node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm", import.meta.url),
  size: 14_239_897,
};

/**
 * @typedef {import("./bundle_card.js").SessionLike} SessionLike
 * @typedef {import("./bundle_card.js").TensorLike} TensorLike
 */

/**
 * Opens a bundle.
 *
 * @param {ArrayBuffer} model an `.onnx` file
 * @param {ArrayBuffer} runtime the file at `RUNTIME`
 * @returns {Promise<SessionLike>}
 */
export async function openSession(model, runtime) {
  env.wasm.numThreads = 1;
  env.wasm.wasmBinary = runtime;
  const metadata = readMetadata(new Uint8Array(model));
  const native = await created(model);
  /** @type {Map<string, number[]>} */
  const inputs = new Map();
  for (const port of native.inputMetadata) {
    inputs.set(port.name, port.isTensor ? port.shape.map((side) => (typeof side === "number" ? side : -1)) : []);
  }
  return { metadata, inputs, run: async (feeds) => native.run(toTensors(feeds)) };
}

/** @param {ArrayBuffer} model */
async function created(model) {
  try {
    return await InferenceSession.create(new Uint8Array(model), {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "all",
      logSeverityLevel: 4,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`This browser could not start the network (${reason.slice(0, 200)}): use a newer browser.`, {
      cause: error,
    });
  }
}

/** States that came out of a run go into the next one as they are. @param {Record<string, TensorLike>} feeds */
function toTensors(feeds) {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, value]) => [
      name,
      value instanceof Tensor ? value : new Tensor(/** @type {any} */ (value.type), value.data, value.dims),
    ]),
  );
}
