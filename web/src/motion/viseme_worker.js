/** Hears visemes beside the page's thread. */
import { loadSession } from "../speech/load_session.js";
import { answerCalls } from "../worker_calls.js";
import { readVisemes } from "./visemes.js";

/** @type {import("./visemes.js").Session} */
let session;

answerCalls({
  async load({ base }, { onprogress, signal }) {
    session = await loadSession("visemes.onnx", base, { onprogress, signal });
  },
  read: ({ samples }, { onprogress, signal }) => readVisemes(session, samples, { onprogress, signal }),
});
