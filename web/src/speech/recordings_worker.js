/** Recordings to landmarks, beside the page. */
import { answerCalls } from "../worker_calls.js";
import { loadSession } from "./load_session.js";
import { Recording } from "./recording.js";

/** @type {Recording} */
let recording;

answerCalls({
  async load({ base }, { onprogress, signal }) {
    recording = new Recording(await loadSession("default.onnx", base, { onprogress, signal }));
  },
  generate: ({ samples, identity, options }, context) =>
    recording.generate(samples, identity, { ...options, ...context }),
});
