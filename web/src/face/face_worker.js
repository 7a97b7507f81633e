/** Faces of pictures, beside the page. */
import { downloadAll } from "../download.js";
import { answerCalls } from "../worker_calls.js";
import { withoutChatter } from "./chatter.js";
import { RUNTIME, openLandmarker } from "./landmarker.js";
import { findIdentity } from "./portrait.js";
import { Scene } from "./views.js";

/** @type {import("./views.js").Finder} */
let finder;

withoutChatter();

answerCalls({
  async load({ base }, { onprogress, signal }) {
    const [weights, runtime] = await downloadAll([{ url: new URL("face_landmarker.task", base) }, RUNTIME], {
      onprogress,
      signal,
    });
    finder = await openLandmarker(weights, runtime);
  },
  find: ({ pixels, where, person }, { onprogress }) =>
    findIdentity(finder, new Scene(pixels), where, { person, onnote: onprogress }),
});
