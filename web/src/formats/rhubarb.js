/** Rhubarb Lip Sync: which of nine drawn mouths is seen when, as JSON or TSV. Cues touch; times have two decimals. */

import { fixed } from "../motion/rounding.js";
import { VISEMES } from "../motion/visemes.js";
import { text } from "./python_json.js";

/** @typedef {import("../motion/visemes.js").VisemeTrack} VisemeTrack */

/** Of each viseme, in their order. */
const SHAPES = "XAGBBBBBBEDCBEF";
const REST = "X";

/**
 * The mouths of a recording, one after the other; at least one. Times are whole hundredths of a second.
 * @param {VisemeTrack} track
 */
export function mouthCues(track) {
  /** @type {{ startS: number, endS: number, shape: string }[]} */
  const drawn = [];
  for (const { startS, endS, viseme } of track.events) {
    const shape = SHAPES[VISEMES.indexOf(viseme)];
    const last = drawn.at(-1);
    if (last?.shape === shape) last.endS = endS;
    else drawn.push({ startS, endS, shape });
  }
  const inHundredths = drawn.map(({ startS, endS, shape }) => ({
    start: fixed(startS, 2),
    end: fixed(endS, 2),
    shape,
  }));
  const seen = inHundredths.filter(({ start, end }) => Number(end) > Number(start));
  return seen.length ? seen : [{ start: "0.00", end: "0.01", shape: REST }];
}

/**
 * The JSON that Rhubarb prints with `-f json`.
 * @param {VisemeTrack & { source?: string }} track
 */
export function rhubarbJson(track) {
  const lines = mouthCues(track).map(
    ({ start, end, shape }) => `    { "start": ${start}, "end": ${end}, "value": "${shape}" }`,
  );
  const metadata = `    "soundFile": ${text(track.source ?? "")},\n    "duration": ${fixed(track.durationS, 2)}\n`;
  return `{\n  "metadata": {\n${metadata}  },\n  "mouthCues": [\n${lines.join(",\n")}\n  ]\n}\n`;
}

/**
 * The table that Rhubarb prints with `-f tsv`: starts and mouths, and the end with the mouth at rest.
 * @param {VisemeTrack} track
 */
export function rhubarbTsv(track) {
  const cues = mouthCues(track);
  const rows = [...cues.map(({ start, shape }) => [start, shape]), [/** @type {any} */ (cues.at(-1)).end, REST]];
  return rows.map((row) => `${row.join("\t")}\n`).join("");
}
