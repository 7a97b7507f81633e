import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Glb } from "../../src/formats/glb_container.js";
import { glbDocument, isVrm, targetNames } from "../../src/head/glb_document.js";
import { arkitShape } from "../../src/head/morph_names.js";
import { ARKIT_SHAPES } from "../../src/motion/index.js";

/** A file with a document and nothing else. @param {object} more */
function file(more) {
  return new Glb({ asset: { version: "2.0" }, ...more }).bytes().buffer;
}

/** A mesh with targets of such names. @param {string[]} targetNames */
const meshOf = (targetNames) => ({ meshes: [{ primitives: [{}], extras: { targetNames } }] });

test("ARKit's names are known in every usual spelling", () => {
  for (const name of [
    "jawOpen",
    "JawOpen",
    "jaw_open",
    "JAW_OPEN",
    "Face.M_F00_JawOpen",
    "blendShape1.jawOpen",
    "jaw open",
  ]) {
    assert.equal(arkitShape(name), "jawOpen", name);
  }
  for (const name of ["mouthSmile_L", "mouthSmileLeft", "mouth_smile_left", "MouthSmile.L", "mouthSmileL"]) {
    assert.equal(arkitShape(name), "mouthSmileLeft", name);
  }
  for (const name of ["", "jaw", "Fcl_MTH_A", "viseme_aa", "smile"]) assert.equal(arkitShape(name), undefined, name);
});

test("our own head has all 52 shapes, is small, and comes from nobody else's files", () => {
  const head = readFileSync(new URL("../../src/head/head.glb", import.meta.url));
  assert.ok(head.length < 1.5e6);
  const document = glbDocument(new Uint8Array(head).buffer);
  const shapes = new Set(targetNames(document).map(arkitShape));
  assert.deepEqual(
    ARKIT_SHAPES.filter((name) => !shapes.has(name)),
    [],
  );
  assert.deepEqual(
    document.nodes.slice(0, 3).map((/** @type {any} */ node) => node.name),
    ["Bust", "Neck", "Head"],
  );
});

test("what is no avatar is refused, each in its own words", () => {
  const good = file(meshOf(["jawOpen"]));
  assert.equal(glbDocument(good).asset.version, "2.0");
  const old = good.slice(0);
  new DataView(old).setUint32(4, 1, true);
  /** @type {[ArrayBuffer, RegExp][]} */
  const bad = [
    [new ArrayBuffer(0), /not a GLB or VRM file/],
    [new TextEncoder().encode("<svg xmlns='http://www.w3.org/2000/svg'/>").buffer, /not a GLB or VRM file/],
    [good.slice(0, good.byteLength - 40), /damaged or breaks off/],
    [old, /version 1/],
    [file({}), /no named morph targets/],
    [file(meshOf([])), /no named morph targets/],
    [file(meshOf(["Fcl_MTH_A", "Key 1"])), /no morph target of the avatar has a name of ARKit's.*Fcl_MTH_A, Key 1/],
    [file({ ...meshOf(["jawOpen"]), images: [{ uri: "https://example.org/skin.png" }] }), /keeps data in other files/],
    [file({ ...meshOf(["jawOpen"]), extensionsRequired: ["KHR_draco_mesh_compression"] }), /without Draco/],
    [new ArrayBuffer(101 * 2 ** 20), /101 MiB: use one of up to 100 MiB/],
  ];
  for (const [one, words] of bad) {
    assert.throws(
      () => glbDocument(one),
      (/** @type {Error} */ error) => error.name === "UserError" && words.test(error.message),
      String(words),
    );
  }
});

test("any byte may be wrong, and the answer is a UserError or a document", () => {
  const good = new Uint8Array(file(meshOf(["jawOpen"])));
  for (let at = 0; at < good.length; at++) {
    for (const value of [0, 255, good[at] ^ 1]) {
      const bad = good.slice();
      bad[at] = value;
      try {
        glbDocument(bad.buffer);
      } catch (error) {
        assert.equal(/** @type {Error} */ (error).name, "UserError", `byte ${at}: ${error}`);
      }
    }
  }
});

test("VRM files of both versions are told from others, and need no morph target of ARKit's", () => {
  assert.ok(isVrm(glbDocument(file({ extensions: { VRMC_vrm: {} } }))));
  assert.ok(isVrm(glbDocument(file({ extensions: { VRM: {} } }))));
  assert.ok(!isVrm(glbDocument(file(meshOf(["jawOpen"])))));
});
