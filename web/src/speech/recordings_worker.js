/** Recordings to landmarks, beside the page. */
import { answerCalls } from "../worker_calls.js";
import { loadModel } from "./load_model.js";
import { Recording } from "./recording.js";

/** @type {Recording} */
let recording;

answerCalls({
  async load({ base }, { onprogress, signal }) {
    const { session, shapes } = await loadModel("default.onnx", base, { onprogress, signal });
    recording = new Recording(session, shapes);
  },
  generate: ({ samples, identity, options }, context) =>
    recording.generate(samples, identity, { ...options, ...context }),
});
