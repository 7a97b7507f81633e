/** A head that shapes move: of a GLB by its morph targets, of a VRM by its expressions. */

import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";

import { UserError } from "../errors.js";
import { ARKIT_SHAPES } from "../motion/face_shapes.js";
import { glbDocument, isVrm } from "./glb_document.js";
import { arkitShape } from "./morph_names.js";
import { arkitExpressions, glance, PRESETS, presetWeights } from "./vrm_expressions.js";

/** How far arms hang that an avatar stretches to the sides, radians. */
const ARMS_DOWN = 1.25;
/** Height of a face, of the way from the bone of a head to the top of its hair. */
const FACE_OF_HEAD = 0.7;
/** Share of the most that a target moves any vertex. */
const MOVED_WELL = 0.25;

/**
 * @typedef {object} Avatar
 * @property {THREE.Object3D} scene
 * @property {THREE.Object3D | null} head the bone that turns; null: all of it turns
 * @property {THREE.Box3} face what moves when it speaks
 * @property {string[]} found ARKit shapes or VRM expressions that move something
 * @property {string[]} missing those that move nothing
 * @property {(weights: Float32Array) => void} shape sets the weights of all 52
 */

/**
 * An avatar from the bytes of a file.
 * @param {ArrayBuffer} file
 * @returns {Promise<Avatar>}
 */
export async function readAvatar(file) {
  const document = glbDocument(file);
  const loader = new GLTFLoader();
  if (document.extensionsUsed?.includes?.("EXT_meshopt_compression")) {
    const { MeshoptDecoder } = await import("three/addons/libs/meshopt_decoder.module.js");
    loader.setMeshoptDecoder(MeshoptDecoder);
  }
  if (isVrm(document)) {
    const { VRMLoaderPlugin } = await import("@pixiv/three-vrm");
    loader.register((parser) => /** @type {any} */ (new VRMLoaderPlugin(parser)));
  }
  try {
    const gltf = await loader.parseAsync(file, "");
    const avatar = gltf.userData.vrm ? vrmAvatar(gltf.userData.vrm) : glbAvatar(gltf.scene);
    if (avatar.face.isEmpty() || !Number.isFinite(avatar.face.getSize(new THREE.Vector3()).length())) {
      throw new UserError("no shape of the avatar moves anything: export it with its shape keys");
    }
    return avatar;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError("the avatar's file is damaged: export or download it again");
  }
}

/** @param {THREE.Object3D} scene @returns {Avatar} */
function glbAvatar(scene) {
  /** @type {{ influences: number[], number: number, place: number }[]} */
  const targets = [];
  const face = new THREE.Box3();
  scene.updateMatrixWorld(true);
  scene.traverse((node) => {
    const { morphTargetDictionary, morphTargetInfluences } = /** @type {THREE.Mesh} */ (node);
    for (const [name, number] of Object.entries(morphTargetDictionary ?? {})) {
      const shape = arkitShape(name);
      if (!shape || !morphTargetInfluences) continue;
      targets.push({ influences: morphTargetInfluences, number, place: ARKIT_SHAPES.indexOf(shape) });
      growBy(face, /** @type {THREE.Mesh} */ (node), number);
    }
    node.frustumCulled = false;
  });
  const found = ARKIT_SHAPES.filter((_, place) => targets.some((target) => target.place === place));
  return {
    scene,
    head: headBone(scene),
    face,
    found,
    missing: ARKIT_SHAPES.filter((name) => !found.includes(name)),
    shape(weights) {
      for (const { influences, number, place } of targets) influences[number] = weights[place];
    },
  };
}

/** @param {import("@pixiv/three-vrm").VRM} vrm @returns {Avatar} */
function vrmAvatar(vrm) {
  const expressions = vrm.expressionManager;
  const names = expressions?.expressions.map(({ expressionName }) => expressionName) ?? [];
  const perfect = arkitExpressions(names);
  const isPerfect = [...perfect.values()].includes("jawOpen");
  const known = isPerfect ? [...new Set(perfect.values())] : names.filter((name) => PRESETS.includes(name));
  if (!expressions || !known.length) {
    throw new UserError("the avatar has no expressions for its mouth, such as aa: export it with its blend shapes");
  }
  stand(vrm);
  const head = vrm.humanoid.getNormalizedBoneNode("head");
  return {
    scene: vrm.scene,
    head,
    face: faceOver(vrm.scene, head),
    found: known,
    missing: (isPerfect ? ARKIT_SHAPES : PRESETS).filter((name) => !known.includes(name)),
    shape(weights) {
      const presets = Object.entries(presetWeights(weights));
      const perfected = [...perfect].map(([name, shape]) => [name, weights[ARKIT_SHAPES.indexOf(shape)]]);
      for (const [name, weight] of /** @type {[string, number][]} */ (isPerfect ? perfected : presets)) {
        expressions.setValue(name, weight);
      }
      if (vrm.lookAt) Object.assign(vrm.lookAt, glance(weights));
      vrm.update(0);
    },
  };
}

/** Turns an avatar to the camera, its arms down. @param {import("@pixiv/three-vrm").VRM} vrm */
function stand(vrm) {
  const isOld = vrm.meta?.metaVersion === "0"; // it looks the other way
  vrm.scene.rotation.y = isOld ? Math.PI : 0;
  vrm.scene.traverse((node) => {
    node.frustumCulled = false;
  });
  for (const [bone, side] of /** @type {const} */ ([
    ["leftUpperArm", -1],
    ["rightUpperArm", 1],
  ])) {
    // prettier-ignore
    const arm = vrm.humanoid.getNormalizedBoneNode(bone);
    if (arm) arm.rotation.z = side * (isOld ? -1 : 1) * ARMS_DOWN;
  }
  vrm.update(0);
}

/**
 * Where the face of a person must be, whose head turns about a bone.
 * @param {THREE.Object3D} scene
 * @param {THREE.Object3D | null} head
 */
function faceOver(scene, head) {
  scene.updateMatrixWorld(true);
  const box = new THREE.Box3().setFromObject(scene, true);
  const place = head?.getWorldPosition(new THREE.Vector3());
  if (!place) return box;
  const height = (box.max.y - place.y) * FACE_OF_HEAD;
  return new THREE.Box3().setFromCenterAndSize(
    place.clone().setY(place.y + height / 2),
    new THREE.Vector3(height, height, height),
  );
}

/**
 * Grows a box by the vertices that a morph target moves well.
 * @param {THREE.Box3} box
 * @param {THREE.Mesh} mesh
 * @param {number} number
 */
function growBy(box, mesh, number) {
  const moved = mesh.geometry.morphAttributes.position?.[number];
  if (!moved) return;
  const by = new THREE.Vector3();
  const rows = Array.from({ length: moved.count }, (_, vertex) => by.fromBufferAttribute(moved, vertex).length());
  const least = MOVED_WELL * rows.reduce((most, one) => Math.max(most, one), 0);
  rows.forEach((length, vertex) => {
    if (length > least) box.expandByPoint(mesh.getVertexPosition(vertex, by).applyMatrix4(mesh.matrixWorld));
  });
}

/** @param {THREE.Object3D} scene */
function headBone(scene) {
  /** @type {THREE.Object3D | null} */
  let found = null;
  scene.traverse((node) => {
    if (!found && /** @type {THREE.Bone} */ (node).isBone && /(^|[^a-z])head$/i.test(node.name)) found = node;
  });
  return /** @type {THREE.Object3D | null} */ (found);
}
