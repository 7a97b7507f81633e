/** Avatars of nobody, with the least that a VRM needs. */

import { Glb, VERTICES } from "../../src/formats/glb_container.js";

// prettier-ignore
const BONES = [
  "hips", "spine", "head", "leftUpperLeg", "leftLowerLeg", "leftFoot", "rightUpperLeg", "rightLowerLeg", "rightFoot",
  "leftUpperArm", "leftLowerArm", "leftHand", "rightUpperArm", "rightLowerArm", "rightHand",
];
const HEAD = BONES.indexOf("head");

/**
 * A triangle at the head's height with as many targets as names, and the bones of a person.
 * @param {string[]} names
 */
function person(names) {
  const glb = new Glb({ asset: { version: "2.0" }, scene: 0, scenes: [{ nodes: [0, BONES.length] }] });
  const vertices = { width: 3, bounds: true, use: VERTICES };
  const places = glb.add(Float32Array.of(-0.1, 1.45, 0, 0.1, 1.45, 0, 0, 1.75, 0), vertices);
  const targets = names.map(() => ({ POSITION: glb.add(Float32Array.of(0, -0.05, 0, 0, 0, 0, 0, 0, 0), vertices) }));
  const nodes = BONES.map((name) => /** @type {any} */ ({ name }));
  nodes[0] = { name: "hips", translation: [0, 0.9, 0], children: BONES.slice(1).map((_, number) => number + 1) };
  nodes[HEAD].translation = [0, 0.6, 0];
  nodes.push({ name: "Face", mesh: 0 });
  const mesh = { primitives: [{ attributes: { POSITION: places }, targets }], weights: names.map(() => 0) };
  Object.assign(glb.document, { nodes, meshes: [mesh] });
  return glb;
}

/**
 * @param {string[]} presets
 * @param {string[]} [custom]
 */
export function vrm1(presets, custom = []) {
  const glb = person([...presets, ...custom]);
  const bind = (/** @type {number} */ index) => ({ morphTargetBinds: [{ node: BONES.length, index, weight: 1 }] });
  const expressions = {
    preset: Object.fromEntries(presets.map((name, index) => [name, bind(index)])),
    custom: Object.fromEntries(custom.map((name, index) => [name, bind(presets.length + index)])),
  };
  const humanBones = Object.fromEntries(BONES.map((name, node) => [name, { node }]));
  const meta = { name: "nobody", authors: ["nobody"], licenseUrl: "https://vrm.dev/licenses/1.0/" };
  glb.document.extensionsUsed = ["VRMC_vrm"];
  const range = { inputMaxValue: 90, outputScale: 1 };
  const ranges = ["HorizontalInner", "HorizontalOuter", "VerticalDown", "VerticalUp"];
  const lookAt = { type: "expression", ...Object.fromEntries(ranges.map((name) => [`rangeMap${name}`, range])) };
  const humanoid = { humanBones };
  glb.document.extensions = { VRMC_vrm: { specVersion: "1.0", meta, humanoid, expressions, lookAt } };
  return glb.bytes();
}

/** @param {string[]} presets their names of VRM 0: a, i, u, e, o, blink_l, blink_r */
export function vrm0(presets) {
  const glb = person(presets);
  const humanBones = BONES.map((bone, node) => ({ bone, node }));
  const blendShapeGroups = presets.map((presetName, index) => ({
    name: presetName,
    presetName,
    binds: [{ mesh: 0, index, weight: 100 }],
  }));
  glb.document.extensionsUsed = ["VRM"];
  glb.document.extensions = { VRM: { specVersion: "0.0", meta: {}, humanoid: { humanBones }, blendShapeMaster: { blendShapeGroups } } }; // prettier-ignore
  return glb.bytes();
}
