// Reads glTF files as other programs do: Khronos' validator, three.js and three-vrm. Prints what they found as JSON.
// Usage: node readers.mjs FILE.glb FILE.vrma
import fs from "node:fs";
import validator from "gltf-validator";
import * as THREE from "three";
import { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";
import { VRMAnimationLoaderPlugin } from "@pixiv/three-vrm-animation";

globalThis.self = globalThis;
globalThis.ProgressEvent ??= class {};

const bytes = (path) => new Uint8Array(fs.readFileSync(path));

async function issues(path) {
  const report = await validator.validateBytes(bytes(path));
  return { errors: report.issues.numErrors, warnings: report.issues.numWarnings };
}

async function parsed(path) {
  const loader = new GLTFLoader();
  loader.register((parser) => new VRMAnimationLoaderPlugin(parser));
  const { buffer } = bytes(path);
  return new Promise((resolve, reject) => loader.parse(buffer, "", resolve, reject));
}

async function head(path) {
  const gltf = await parsed(path);
  let mesh;
  gltf.scene.traverse((node) => (mesh = node.morphTargetDictionary ? node : mesh));
  const mixer = new THREE.AnimationMixer(gltf.scene);
  const action = mixer.clipAction(gltf.animations[0]);
  action.clampWhenFinished = true;
  action.setLoop(THREE.LoopOnce);
  action.play();
  mixer.update(gltf.animations[0].duration);
  const weights = {};
  for (const [name, place] of Object.entries(mesh.morphTargetDictionary)) weights[name] = mesh.morphTargetInfluences[place];
  return { duration: gltf.animations[0].duration, weights };
}

async function expressions(path) {
  const animation = (await parsed(path)).userData.vrmAnimations[0];
  const last = {};
  for (const [kind, tracks] of Object.entries(animation.expressionTracks)) {
    for (const [name, track] of tracks) last[`${kind}:${name}`] = track.values[track.values.length - 1];
  }
  const turns = Object.fromEntries([...animation.humanoidTracks.rotation].map(([bone, track]) => [bone, track.values.length / 4]));
  return { duration: animation.duration, restHips: animation.restHipsPosition.y, last, turns };
}

const [glb, vrma] = process.argv.slice(2);
console.log(JSON.stringify({ glb: await issues(glb), vrma: await issues(vrma), head: await head(glb), expressions: await expressions(vrma) }));
