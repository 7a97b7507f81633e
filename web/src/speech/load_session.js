/** What a network needs from the server. */
import { downloadAll } from "../download.js";
import { RUNTIME, openSession } from "./session.js";

/**
 * @param {string} name file of the network @param {string} base URL of the packaged files
 * @param {{ onprogress?: import("../download.js").ByteProgress, signal?: AbortSignal }} options
 */
export async function loadSession(name, base, options) {
  const [model, runtime] = await downloadAll([{ url: new URL(name, base) }, RUNTIME], options);
  return openSession(model, runtime);
}
