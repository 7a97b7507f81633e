/** The packaged network of visemes in onnxruntime-web. */

import { onnxMetadata } from "./onnx_metadata.js";

/** @typedef {import("./visemes.js").VisemeBundle} VisemeBundle */

/**
 * @param {typeof import("onnxruntime-web/wasm")} ort
 * @param {Uint8Array} file `visemes.onnx`
 * @returns {Promise<VisemeBundle>}
 */
export async function openVisemes(ort, file) {
  const session = await ort.InferenceSession.create(file);
  const metadata = onnxMetadata(file);
  const states = session.inputMetadata.flatMap((input) =>
    input.isTensor && input.name !== "samples" ? [[input.name, input.shape.map(Number)]] : [],
  );
  return {
    samplesBefore: Number(metadata.get("samples_before")),
    lookAheadSamples: Number(metadata.get("look_ahead_samples")),
    states: Object.fromEntries(states),
    async run(feeds) {
      const tensors = Object.entries(feeds).map(([name, { data, dims }]) => [
        name,
        new ort.Tensor("float32", data, dims),
      ]);
      const found = await session.run(Object.fromEntries(tensors));
      return session.outputNames.map((name) => {
        const { data, dims } = found[name];
        return { data: /** @type {Float32Array} */ (data), dims: [...dims] };
      });
    },
  };
}
