/** The packaged network of visemes in onnxruntime-web. */

import { onnxMetadata } from "./onnx_metadata.js";

/** @typedef {import("./visemes.js").Session} Session */

/**
 * @param {typeof import("onnxruntime-web/wasm")} ort
 * @param {Uint8Array} file `visemes.onnx`
 * @returns {Promise<Session>}
 */
export async function openVisemes(ort, file) {
  const session = await ort.InferenceSession.create(file);
  /** @type {[string, number[]][]} */
  const inputs = session.inputMetadata.map((input) => [input.name, input.isTensor ? input.shape.map(Number) : []]);
  return {
    metadata: onnxMetadata(file),
    inputs: new Map(inputs),
    run(feeds) {
      const tensors = Object.entries(feeds).map(([name, { data, dims }]) => [
        name,
        new ort.Tensor("float32", data, dims),
      ]);
      return session.run(Object.fromEntries(tensors));
    },
  };
}
