/** What `tools/make_picture_fixtures.py` wrote: pictures and moments, as Python draws and reckons them. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { inflateSync } from "node:zlib";

const FOLDER = new URL("fixtures/", import.meta.url);

/** @typedef {{ points: number[], life: import("../../src/types.js").LifeSigns, opening: number, upper: number[], lower: number[] }} KnownMoment */
/** @typedef {{ name: string, points: number[], grid: Record<string, number>, evidence: number, face: number[], mouth: number[], moments: KnownMoment[] }} Case */

/** @returns {Case[]} */
export const cases = () => readLines("cases.ndjson");

/** Landmarks of frames of a speech. @returns {number[][]} */
export const speech = () => readLines("speech.ndjson");

/** @param {string} name */
const readLines = (name) =>
  readFileSync(new URL(name, FOLDER), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

/** @param {string} name */
export const pathOf = (name) => fileURLToPath(new URL(name, FOLDER));

/** A picture, RGBA. @param {string} name @returns {{ width: number, height: number, depth: 4, data: Uint8ClampedArray }} */
export const readPicture = (name) => decodedPng(readFileSync(pathOf(name)));

/** A PNG file of 8-bit RGB or RGBA, not interlaced. @param {Buffer} file */
export function decodedPng(file) {
  const parts = [];
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at)) {
    if (file.toString("latin1", at + 4, at + 8) === "IDAT")
      parts.push(file.subarray(at + 8, at + 8 + file.readUInt32BE(at)));
  }
  const [width, height, depth] = [file.readUInt32BE(16), file.readUInt32BE(20), file[25] === 6 ? 4 : 3];
  const rows = unfiltered(inflateSync(Buffer.concat(parts)), width * depth, height, depth);
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let at = 0; at < width * height; at++) data.set(rows.subarray(depth * at, depth * (at + 1)), 4 * at);
  return { width, height, depth: /** @type {4} */ (4), data };
}

/** Bytes behind the five filters of PNG. @param {Buffer} packed @param {number} line @param {number} height @param {number} depth */
function unfiltered(packed, line, height, depth) {
  const rows = new Uint8Array(line * height);
  for (let y = 0, from = 0; y < height; y++) {
    const filter = packed[from++];
    for (let x = 0; x < line; x++, from++) {
      const at = y * line + x;
      const left = x >= depth ? rows[at - depth] : 0;
      const above = y > 0 ? rows[at - line] : 0;
      const corner = x >= depth && y > 0 ? rows[at - line - depth] : 0;
      rows[at] = packed[from] + [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter];
    }
  }
  return rows;
}

/** @param {number} left @param {number} above @param {number} corner */
function paeth(left, above, corner) {
  const [a, b, c] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}
