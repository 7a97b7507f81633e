/** GLB, the binary form of glTF 2.0: one JSON document, one piece of binary data, and what is added to them. */

/** What a part of the binary data is used for: glTF's `bufferView.target`. */
export const VERTICES = 34962;
export const INDICES = 34963;
const MAGIC = 0x46546c67;
const JSON_CHUNK = 0x4e4f534a;
const BINARY_CHUNK = 0x004e4942;
const FLOAT = 5126;
const UNSIGNED_SHORT = 5123;
/** @type {Record<number, string>} */
const KINDS = { 1: "SCALAR", 3: "VEC3", 4: "VEC4" };

/** A glTF file in memory, to which accessors are added. */
export class Glb {
  /** @param {Record<string, any>} document */
  constructor(document) {
    this.document = document;
    /** @type {Uint8Array[]} */
    this._pieces = [];
    this._length = 0;
  }

  /**
   * The number of a new accessor that holds `values`.
   * @param {Float32Array | Uint16Array} values
   * @param {{ width?: number, bounds?: boolean, use?: number }} [options] how many of them make a row; whether it names
   *   its least and largest ones, as of times and of places it must; `VERTICES` or `INDICES` of a mesh
   */
  add(values, { width = 1, bounds = false, use } = {}) {
    const view = { buffer: 0, byteOffset: this._length, byteLength: values.byteLength, ...(use && { target: use }) };
    const accessor = {
      bufferView: this._appended("bufferViews", view),
      componentType: values instanceof Float32Array ? FLOAT : UNSIGNED_SHORT,
      count: values.length / width,
      type: KINDS[width],
      ...(bounds && { min: extreme(values, width, Math.min), max: extreme(values, width, Math.max) }),
    };
    this._append(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return this._appended("accessors", accessor);
  }

  /**
   * An animation called `kfusion`.
   * @param {Float32Array} timesS
   * @param {{ node: number, path: string, values: Float32Array, width?: number }[]} tracks
   */
  addAnimation(timesS, tracks) {
    const moments = this.add(timesS, { bounds: true });
    const samplers = tracks.map(({ values, width }) => ({
      input: moments,
      output: this.add(values, { width }),
      interpolation: "LINEAR",
    }));
    const channels = tracks.map(({ node, path }, sampler) => ({ sampler, target: { node, path } }));
    this._appended("animations", { name: "kfusion", samplers, channels });
  }

  /** The whole file. @returns {Uint8Array<ArrayBuffer>} */
  bytes() {
    const document = { ...this.document, buffers: [{ byteLength: this._length }] };
    const head = new TextEncoder().encode(JSON.stringify(document));
    const headLength = head.length + (-head.length & 3);
    const file = new Uint8Array(12 + 8 + headLength + 8 + this._length);
    const numbers = new DataView(file.buffer);
    [MAGIC, 2, file.length, headLength, JSON_CHUNK].forEach((value, at) => numbers.setUint32(4 * at, value, true));
    file.fill(0x20, 20, 20 + headLength).set(head, 20);
    let at = 20 + headLength;
    [this._length, BINARY_CHUNK].forEach((value, place) => numbers.setUint32(at + 4 * place, value, true));
    at += 8;
    for (const piece of this._pieces) {
      file.set(piece, at);
      at += piece.length;
    }
    return file;
  }

  /** @param {Uint8Array} bytes */
  _append(bytes) {
    const padding = new Uint8Array(-bytes.length & 3);
    this._pieces.push(bytes, padding);
    this._length += bytes.length + padding.length;
  }

  /** @param {string} kind @param {object} entry */
  _appended(kind, entry) {
    this.document[kind] ??= [];
    return this.document[kind].push(entry) - 1;
  }
}

/**
 * @param {ArrayLike<number>} values
 * @param {number} width
 * @param {(one: number, other: number) => number} better
 */
function extreme(values, width, better) {
  const found = Array.from({ length: width }, (_, column) => values[column]);
  for (let at = width; at < values.length; at++) found[at % width] = better(found[at % width], values[at]);
  return found;
}
