/** The CSV that the app Live Link Face records. Head and eye rotations are 0: no source that we know states their unit. */

import { ARKIT_SHAPES } from "../motion/face_shapes.js";
import { fixed } from "../motion/rounding.js";

/** @typedef {import("../motion/face_motion.js").Motion} Motion */

// prettier-ignore
const ROTATIONS = [
  "headYaw", "headPitch", "headRoll", "leftEyeYaw", "leftEyePitch", "leftEyeRoll",
  "rightEyeYaw", "rightEyePitch", "rightEyeRoll",
];
/** The app writes right before left for jaw and mouth, other than ARKit's order. */
const SWAPPED = new Map([
  ["jawLeft", "jawRight"],
  ["jawRight", "jawLeft"],
  ["mouthLeft", "mouthRight"],
  ["mouthRight", "mouthLeft"],
]);
const COLUMNS = ARKIT_SHAPES.map((name) => SWAPPED.get(name) ?? name);
const COUNT = ARKIT_SHAPES.length;

/**
 * The text of a recording as the app makes it.
 * @param {Motion} motion
 */
export function liveLinkCsv({ sequence, weights }) {
  const names = [...COLUMNS, ...ROTATIONS].map((name) => name[0].toUpperCase() + name.slice(1));
  const rows = [`Timecode,BlendShapeCount,${names.join(",")}`];
  const places = COLUMNS.map((name) => ARKIT_SHAPES.indexOf(name));
  const rest = ROTATIONS.map(() => "0.0000");
  for (let at = 0; at < weights.length; at += COUNT) {
    const values = places.map((place) => fixed(weights[at + place], 4));
    const code = timecode(sequence.firstFrame + at / COUNT, sequence.fps);
    rows.push([code, COUNT + ROTATIONS.length, ...values, ...rest].join(","));
  }
  return `${rows.join("\r\n")}\r\n`;
}

/**
 * HH:MM:SS:FF.mmm of a frame, whose number within its second is counted at the whole rate next to `fps`.
 * @param {number} number
 * @param {number} fps
 */
function timecode(number, fps) {
  const timeS = number / fps + 1e-9;
  const whole = Math.floor(timeS);
  const place = (timeS - whole) * fps;
  const frame = Math.floor(place);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60, frame];
  const code = parts.map((part) => String(part).padStart(2, "0")).join(":");
  return `${code}.${String(Math.floor((place - frame) * 1000)).padStart(3, "0")}`;
}
