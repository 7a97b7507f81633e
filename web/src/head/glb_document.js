/** What somebody's avatar is, before anything draws it; every reason not to is told in words. */

import { UserError } from "../errors.js";
import { arkitShape } from "./morph_names.js";

const MAX_BYTES = 100 * 2 ** 20;
const MAGIC = 0x46546c67;
const JSON_CHUNK = 0x4e4f534a;
const LEAST_BYTES = 20;
/** Kinds of compression that need decoders which the page does not carry, and what to do without each. */
const NOT_READ = new Map([
  ["KHR_draco_mesh_compression", "without Draco compression"],
  ["KHR_texture_basisu", "with PNG or JPEG textures"],
]);
/** How many names of foreign morph targets a message shows. */
const SHOWN = 6;

/**
 * The JSON of a GLB or VRM file that can be shown.
 * @param {ArrayBuffer} file
 * @returns {Record<string, any>}
 */
export function glbDocument(file) {
  if (file.byteLength > MAX_BYTES) {
    const size = Math.round(file.byteLength / 2 ** 20);
    throw new UserError(`the avatar has ${size} MiB: use one of up to ${MAX_BYTES / 2 ** 20} MiB`);
  }
  const document = parsed(file);
  const lacking = [...NOT_READ].find(([extension]) => document.extensionsRequired?.includes?.(extension));
  if (lacking)
    throw new UserError(`the avatar needs ${lacking[0]}, which this page does not read: export it ${lacking[1]}`);
  if (outside(document)) throw new UserError("the avatar keeps data in other files: export it as one GLB file");
  if (!isVrm(document)) checkTargets(document);
  return document;
}

/** @param {Record<string, any>} document */
export function isVrm(document) {
  return Boolean(document.extensions?.VRMC_vrm ?? document.extensions?.VRM);
}

/**
 * The names of the morph targets, without those that have none.
 * @param {Record<string, any>} document
 * @returns {string[]}
 */
export function targetNames(document) {
  const meshes = /** @type {any[]} */ (document.meshes ?? []);
  return meshes
    .flatMap((mesh) => mesh.extras?.targetNames ?? mesh.primitives?.[0]?.extras?.targetNames ?? [])
    .map(String);
}

/** @param {ArrayBuffer} file */
function parsed(file) {
  const numbers = new DataView(file);
  if (file.byteLength < LEAST_BYTES || numbers.getUint32(0, true) !== MAGIC) {
    throw new UserError("the avatar is not a GLB or VRM file: export it as binary glTF, .glb or .vrm");
  }
  const [version, total] = [numbers.getUint32(4, true), numbers.getUint32(8, true)];
  if (version !== 2) throw new UserError(`the avatar is a GLB of version ${version}: export it as glTF 2`);
  try {
    const [length, kind] = [numbers.getUint32(12, true), numbers.getUint32(16, true)];
    if (total > file.byteLength || kind !== JSON_CHUNK) throw new Error("breaks off");
    const document = JSON.parse(new TextDecoder().decode(new Uint8Array(file, LEAST_BYTES, length)));
    if (typeof document?.asset?.version !== "string" || !Array.isArray(document.meshes ?? []))
      throw new Error("no glTF");
    return document;
  } catch {
    throw new UserError("the avatar's file is damaged or breaks off: export or download it again");
  }
}

/** Whether something would be fetched from elsewhere: nothing may leave the page. @param {Record<string, any>} document */
function outside(document) {
  const parts = [...(document.buffers ?? []), ...(document.images ?? [])];
  return parts.some(({ uri }) => uri !== undefined && !String(uri).startsWith("data:"));
}

/** @param {Record<string, any>} document */
function checkTargets(document) {
  const names = targetNames(document);
  if (names.some((name) => arkitShape(name))) return;
  if (!names.length) {
    throw new UserError(
      "the avatar has no named morph targets, so its face cannot move: export it with its shape keys",
    );
  }
  const shown = names.slice(0, SHOWN).join(", ");
  throw new UserError(
    `no morph target of the avatar has a name of ARKit's, such as jawOpen (${shown} ...): rename them`,
  );
}
