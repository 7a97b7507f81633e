/** The file formats: what Python's `kfusion generate` writes, as blobs. */

import { UserError } from "../errors.js";
import { glbBytes } from "./glb.js";
import { landmarksCsv, landmarksJson } from "./landmarks.js";
import { liveLinkCsv } from "./livelink.js";
import { rhubarbJson, rhubarbTsv } from "./rhubarb.js";

/** @typedef {import("../types.js").LandmarkSequence} LandmarkSequence */
/** @typedef {import("../motion/face_motion.js").Motion} Motion */
/** @typedef {import("../motion/visemes.js").VisemeTrack} VisemeTrack */

/** Format -> what its files' names end with, as Python's do. */
export const ENDINGS = {
  json: ".json",
  csv: ".csv",
  livelink: ".livelink.csv",
  rhubarb: ".rhubarb.json",
  "rhubarb-tsv": ".rhubarb.tsv",
  glb: ".glb",
};

/**
 * Landmarks, as `LandmarkSequence.save` writes them.
 * @param {LandmarkSequence & { source?: string }} sequence `source`: the name of the recording
 * @param {"json" | "csv"} kind
 */
export function writeLandmarks(sequence, kind) {
  if (kind === "csv") return new Blob([landmarksCsv(sequence)], { type: "text/csv" });
  if (kind === "json") return new Blob([landmarksJson(sequence)], { type: "application/json" });
  throw new UserError(`unknown kind of landmark file '${kind}': use json or csv`);
}

/**
 * ARKit weights, as the app Live Link Face records them.
 * @param {Motion} motion
 */
export function writeLiveLink(motion) {
  return new Blob([liveLinkCsv(filled(motion))], { type: "text/csv" });
}

/**
 * Drawn mouths of Rhubarb Lip Sync.
 * @param {VisemeTrack & { source?: string }} track `source`: the name of the recording
 * @param {"json" | "tsv"} [kind]
 */
export function writeRhubarb(track, kind = "json") {
  if (kind === "tsv") return new Blob([rhubarbTsv(track)], { type: "text/tab-separated-values" });
  return new Blob([rhubarbJson(track)], { type: "application/json" });
}

/**
 * glTF: a stub head that speaks.
 * @param {Motion} motion
 */
export function writeGlb(motion) {
  return new Blob([glbBytes(filled(motion))], { type: "model/gltf-binary" });
}

/** @param {Motion} motion */
function filled(motion) {
  if (!motion.weights.length) throw new UserError("the motion holds 0 frames: pass landmarks with at least one");
  return motion;
}
