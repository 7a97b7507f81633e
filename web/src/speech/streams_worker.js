/** Voices to landmarks while they speak, beside the page. */
import { answerCalls } from "../worker_calls.js";
import { loadSession } from "./load_session.js";
import { Stream } from "./stream.js";

/** @type {import("./bundle_card.js").SessionLike} */
let session;
/** @type {Map<number, Stream>} */
const streams = new Map();
/** Calls wait for the one before: a stream takes one at a time. @type {Promise<any>} */
let before = Promise.resolve();

/** @param {() => Promise<any>} task */
function inTurn(task) {
  const result = before.then(task);
  before = result.catch(() => {});
  return result;
}

/** @param {number} id */
function streamOf(id) {
  return /** @type {Stream} */ (streams.get(id));
}

answerCalls({
  async load({ base }, { onprogress, signal }) {
    session = await loadSession("live.onnx", base, { onprogress, signal });
  },
  start: ({ id, identity, options }) =>
    inTurn(async () => {
      const stream = await Stream.start(session, identity, options);
      streams.set(id, stream);
      return { lookAheadS: stream.lookAheadS };
    }),
  push: ({ id, samples }) => inTurn(() => streamOf(id).push(samples)),
  flush: ({ id }) => inTurn(() => streamOf(id).flush()),
  close: ({ id }) => inTurn(async () => void streams.delete(id)),
});
