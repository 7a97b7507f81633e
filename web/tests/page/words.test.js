/** Errors and files in plain words. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import { missingParts } from "../../src/page/browser.js";
import { onceOnly } from "../../src/page/once.js";
import { useOf } from "../../src/page/picked.js";
import { stem } from "../../src/page/takes.js";
import { wordsOf } from "../../src/page/words.js";

test("what a person can mend is said as it is, as one sentence", () => {
  assert.equal(wordsOf(new UserError("the picture:\n no face")), "The picture: no face.");
  assert.equal(wordsOf(new UserError("the file: export it as .glb or .vrm")), "The file: export it as .glb or .vrm.");
  for (const line of ["my photo.jpg: is empty.", "t.txt is neither a photo nor a sound."])
    assert.equal(wordsOf(new UserError(line)), line);
});

test("what a browser throws at the boundary is said in words with a remedy", () => {
  assert.match(wordsOf(new DOMException("Permission denied", "NotAllowedError")), /was not allowed to: permit it/);
  assert.match(wordsOf(new DOMException("Requested device not found", "NotFoundError")), /plug one in/);
  for (const message of ["Failed to fetch", "Load failed", "Failed to fetch dynamically imported module: x.js"])
    assert.match(wordsOf(new TypeError(message)), /connect to the network/);
});

test("a fault of the page is called one", () => {
  assert.match(wordsOf(new RangeError("offset")), /Something broke that should not \(offset\)/);
  assert.match(wordsOf("odd"), /\(odd\)/);
});

test("a file is used as what it is", async () => {
  /** @type {string[]} */
  const used = [];
  const page = {
    usePhoto: async () => void used.push("photo"),
    useSound: async () => void used.push("sound"),
    useHead: async () => void used.push("head"),
  };
  const files = {
    "me.jpg": "image/jpeg",
    "say.ogg": "audio/ogg",
    "talk.mp4": "video/mp4",
    "a.VRM": "",
    "b.glb": "x/y",
  };
  for (const [name, type] of Object.entries(files)) await useOf(new File([""], name, { type }), page);
  assert.deepEqual(used, ["photo", "sound", "sound", "head", "head"]);
  await assert.rejects(useOf(new File([""], "text.txt", { type: "text/plain" }), page), /text\.txt is neither/);
});

test("files are named after the sound, whatever it is called", () => {
  assert.deepEqual(["a b.wav", "Grüße.mp3", "../x/.ogg", "..."].map(stem), ["a-b", "Grüße", "..-x-", ".."]);
});

test("what failed once is tried again, and what is there is not made twice", async () => {
  let count = 0;
  const made = onceOnly(async () => {
    count += 1;
    if (count === 1) throw new Error("no network");
    return count;
  });
  await assert.rejects(made());
  assert.deepEqual([await made(), await made()], [2, 2]);
});

test("a browser's missing parts are named", () => {
  const browser = { isSecureContext: true, Worker: class {}, AudioWorkletNode: class {}, WebAssembly };
  assert.deepEqual(missingParts(/** @type {any} */ (browser)), []);
  assert.deepEqual(missingParts(/** @type {any} */ ({ isSecureContext: true })), [
    "WebAssembly with SIMD",
    "audio worklets",
    "workers",
  ]);
});
