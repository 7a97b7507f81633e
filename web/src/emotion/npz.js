/** Reads NumPy's archives: numbers, and names. */
import { UserError } from "../errors.js";

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const DEFLATED = 8;

/** @typedef {{ data: Float32Array | Uint16Array | string[], shape: number[] }} NumpyArray */

/**
 * The arrays of an `.npz` file by name.
 *
 * @param {ArrayBuffer} bytes
 * @returns {Promise<Record<string, NumpyArray>>}
 */
export async function readNpz(bytes) {
  const view = new DataView(bytes);
  /** @type {Record<string, NumpyArray>} */
  const arrays = {};
  for (const entry of centralDirectory(view)) {
    arrays[entry.name.replace(/\.npy$/, "")] = readNpy(await content(view, entry));
  }
  return arrays;
}

/** @typedef {{ name: string, method: number, packed: number, at: number }} Entry */

/** @param {DataView} view @returns {Entry[]} */
function centralDirectory(view) {
  const end = view.byteLength - 22;
  const entries = [];
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left -= 1) {
    if (view.getUint32(at, true) !== CENTRAL_HEADER) {
      throw damaged();
    }
    const [name, extra, comment] = [28, 30, 32].map((place) => view.getUint16(at + place, true));
    entries.push({
      name: ascii(new Uint8Array(view.buffer, at + 46, name)),
      method: view.getUint16(at + 10, true),
      packed: view.getUint32(at + 20, true),
      at: view.getUint32(at + 42, true),
    });
    at += 46 + name + extra + comment;
  }
  return entries;
}

/** @param {DataView} view @param {Entry} entry @returns {Promise<ArrayBuffer>} */
async function content(view, { method, packed, at }) {
  if (view.getUint32(at, true) !== LOCAL_HEADER) {
    throw damaged();
  }
  const start = at + 30 + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
  const bytes = /** @type {ArrayBuffer} */ (view.buffer).slice(start, start + packed);
  if (method !== DEFLATED) {
    return bytes;
  }
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).arrayBuffer();
}

/** An `.npy` file: version 1, little endian, C order. @param {ArrayBuffer} bytes @returns {NumpyArray} */
export function readNpy(bytes) {
  const length = new DataView(bytes).getUint16(8, true);
  const header = ascii(new Uint8Array(bytes, 10, length));
  const kind = /'descr': '([^']+)'/.exec(header)?.[1] ?? "";
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? "").split(",").filter(Boolean).map(Number);
  const body = bytes.slice(10 + length);
  if (kind === "<f4") {
    return { data: new Float32Array(body), shape };
  }
  if (kind === "<u2") {
    return { data: new Uint16Array(body), shape };
  }
  if (kind.startsWith("<U")) {
    return { data: texts(new Uint32Array(body), Number(kind.slice(2))), shape };
  }
  throw damaged();
}

/** @param {Uint32Array} letters @param {number} width @returns {string[]} */
function texts(letters, width) {
  return Array.from({ length: letters.length / width }, (_, row) =>
    String.fromCodePoint(...letters.subarray(row * width, (row + 1) * width).filter(Boolean)),
  );
}

/** @param {Uint8Array} bytes */
function ascii(bytes) {
  return new TextDecoder("latin1").decode(bytes);
}

function damaged() {
  return new UserError("A file of the page is damaged: load the page again.");
}
