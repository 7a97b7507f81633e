import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ENDINGS, writeGlb, writeLandmarks, writeLiveLink, writeRhubarb } from "../../src/formats/index.js";
import { mouthCues } from "../../src/formats/rhubarb.js";

const read = (/** @type {string} */ name) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
const python = JSON.parse(read("motion.json").toString());
const sequence = { ...python, points: Float32Array.from(python.points) };
const motion = { sequence, weights: Float32Array.from(python.weights), head: Float32Array.from(python.head) };
const track = { ...python, weights: Float32Array.from(python.visemes), names: [] };

test("landmark files are Python's, byte for byte", async () => {
  assert.equal(await writeLandmarks(sequence, "csv").text(), read("landmarks.csv").toString());
  assert.equal(await writeLandmarks(sequence, "json").text(), read("landmarks.json").toString());
  assert.throws(() => writeLandmarks(sequence, /** @type {any} */ ("npz")), /'npz': use json or csv/);
});

test("the Live Link recording is Python's, byte for byte", async () => {
  assert.equal(await writeLiveLink(motion).text(), read("motion.livelink.csv").toString());
});

test("Rhubarb's files are Python's, byte for byte", async () => {
  assert.equal(await writeRhubarb(track).text(), read("motion.rhubarb.json").toString());
  assert.equal(await writeRhubarb(track, "tsv").text(), read("motion.rhubarb.tsv").toString());
});

test("a sound that is too short for a mouth has one at rest", () => {
  const cue = { startS: 0, endS: 0.004, viseme: "aa" };
  assert.deepEqual(mouthCues({ ...track, events: [cue] }), [{ start: "0.00", end: "0.01", shape: "X" }]);
});

test("the GLB file holds what Python's does", async () => {
  const [ours, theirs] = [await writeGlb(motion).arrayBuffer(), new Uint8Array(read("motion.glb")).buffer].map(parts);
  close(ours.document, theirs.document);
  close(accessors(ours), accessors(theirs));
});

test("three's own loader reads the GLB file and plays it", async () => {
  const { GLTFLoader } = await import("three/addons/loaders/GLTFLoader.js");
  const gltf = await new GLTFLoader().parseAsync(await writeGlb(motion).arrayBuffer(), "");
  const head = /** @type {any} */ (gltf.scene.getObjectByName("head"));
  assert.equal(Object.keys(head.morphTargetDictionary).length, 52);
  assert.equal(head.geometry.morphAttributes.position.length, 52);
  const [animation] = gltf.animations;
  assert.equal(animation.name, "kfusion");
  const weights = animation.tracks.find(({ name }) => name.endsWith("morphTargetInfluences"));
  assert.deepEqual([.../** @type {any} */ (weights).values], [...motion.weights]);
});

test("a motion without a frame is refused in words", () => {
  const none = { ...motion, weights: new Float32Array(0) };
  assert.throws(() => writeGlb(none), /0 frames/);
  assert.throws(() => writeLiveLink(none), { name: "UserError" });
});

test("formats are told apart by the ends of their files' names", () => {
  assert.deepEqual(Object.values(ENDINGS), [".json", ".csv", ".livelink.csv", ".rhubarb.json", ".rhubarb.tsv", ".glb"]);
});

/** @param {ArrayBuffer} file */
function parts(file) {
  const numbers = new DataView(file);
  const length = numbers.getUint32(12, true);
  assert.equal(numbers.getUint32(8, true), file.byteLength);
  const document = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 20, length)));
  return { document, binary: file.slice(20 + length + 8) };
}

/** What every accessor of a file holds. @param {{ document: any, binary: ArrayBuffer }} file */
function accessors({ document, binary }) {
  return document.accessors.map((/** @type {any} */ accessor) => {
    const { byteOffset, byteLength } = document.bufferViews[accessor.bufferView];
    const piece = binary.slice(byteOffset, byteOffset + byteLength);
    return Array.from(accessor.componentType === 5126 ? new Float32Array(piece) : new Uint16Array(piece));
  });
}

/** The same tree, numbers within a ten-thousandth of a millimetre. @param {any} one @param {any} other */
function close(one, other, where = "") {
  if (typeof one === "number") return assert.ok(Math.abs(one - other) < 1e-7, `${where}: ${one} and ${other}`);
  if (typeof one !== "object") return assert.equal(one, other, where);
  assert.deepEqual(Object.keys(one).sort(), Object.keys(other).sort(), where);
  for (const key of Object.keys(one)) close(one[key], other[key], `${where}.${key}`);
}
