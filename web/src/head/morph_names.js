/** Which morph target of somebody's avatar is which ARKit shape, told from its name as Python's morph_names.py does. */

import { ARKIT_SHAPES } from "../motion/face_shapes.js";

const KNOWN = new Map(ARKIT_SHAPES.map((name) => [plain(name), name]));

/**
 * The ARKit shape that a name means: `jawOpen`, `JawOpen`, `jaw_open`, `Face.M_F00_JawOpen`, `mouthSmile_L`.
 * @param {string} name
 * @returns {string | undefined}
 */
export function arkitShape(name) {
  const candidates = [name, name.split(/[.:|]/).at(-1) ?? "", name.slice(name.lastIndexOf("_") + 1)];
  return candidates.map((candidate) => KNOWN.get(plain(candidate))).find((shape) => shape);
}

/** Small letters alone, with `_L` and `_R` spelt out. @param {string} name */
function plain(name) {
  return name
    .replace(/(?<=[a-z])[_.-]?L$/, "Left")
    .replace(/(?<=[a-z])[_.-]?R$/, "Right")
    .toLowerCase()
    .replace(/[^a-z]/g, "");
}
