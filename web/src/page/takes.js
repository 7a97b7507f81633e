/** What was said, and the files that can be kept of it. */

import { writeGlb, writeLandmarks, writeLiveLink, writeRhubarb } from "../formats/index.js";
import { Life, loadVisemes, readMotion } from "../motion/index.js";
import { renderFilm } from "../picture/index.js";
import { kindsOf } from "./options.js";

/**
 * @typedef {object} Take
 * @property {string} name of the files that are kept of it
 * @property {Float32Array} samples 16 kHz
 * @property {import("../types.js").LandmarkSequence} sequence
 * @property {boolean} [live] whether it was made as it was spoken
 */

/**
 * @typedef {object} Desk What files are made with.
 * @property {Take} take
 * @property {() => Promise<import("../types.js").Points>} rest the face from which motion is counted
 * @property {import("../picture/index.js").TalkingPicture} picture
 * @property {{ blinks: boolean, sway: boolean }} manner
 * @property {string} base
 * @property {AbortSignal} signal
 * @property {(share: number) => void} onprogress
 */

/** @type {Record<string, (desk: Desk) => Promise<[string, Blob]>>} */
const WRITERS = {
  film: async ({ take, picture, manner, signal, onprogress }) => {
    const film = await renderFilm(picture, take.sequence, take.samples, { onprogress, signal, life: livelyAs(manner) });
    return [`${take.name}.${film.type.includes("mp4") ? "mp4" : "webm"}`, film];
  },
  "landmarks-json": async ({ take }) => [`${take.name}.json`, writeLandmarks(take.sequence, "json")],
  "landmarks-csv": async ({ take }) => [`${take.name}.csv`, writeLandmarks(take.sequence, "csv")],
  arkit: async ({ take, rest }) => [
    `${take.name}.livelink.csv`,
    writeLiveLink(readMotion(take.sequence, await rest())),
  ],
  visemes: async ({ take, base, signal, onprogress }) => {
    const engine = await loadVisemes({ base, signal });
    const track = await engine.read(take.samples, { onprogress });
    engine.close();
    return [`${take.name}.rhubarb.json`, writeRhubarb({ ...track, source: take.name })];
  },
  head: async ({ take, rest }) => [`${take.name}.glb`, writeGlb(readMotion(take.sequence, await rest()))],
};

/** The signs of life of a film. @param {{ blinks: boolean, sway: boolean }} manner */
function livelyAs(manner) {
  const life = new Life({ kinds: kindsOf(manner) });
  return (/** @type {number} */ timeS, /** @type {number} */ opening) => life.at(timeS, opening);
}

/**
 * Write one kind of file, and let the browser save it.
 * @param {string} kind a key of `WRITERS`
 * @param {Desk} desk
 * @returns {Promise<string>} its name
 */
export async function keep(kind, desk) {
  const [name, file] = await WRITERS[kind](desk);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return name;
}

/** The name of a file without its ending, as it may stand in another name. @param {string} name */
export function stem(name) {
  return name.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}._-]+/gu, "-") || "sound";
}
