/** Files of the page, with the bytes that have come. */
import { UserError } from "./errors.js";

/**
 * @callback ByteProgress
 * @param {number} loaded bytes that have come
 * @param {number | null} all bytes in all; null while a server does not say
 * @returns {void}
 */

/**
 * The content of a file.
 *
 * @param {string | URL} url
 * @param {{ onprogress?: ByteProgress, signal?: AbortSignal, size?: number }} [options] size: bytes, where it is known
 *   beforehand: a server that compresses does not tell
 * @returns {Promise<ArrayBuffer>}
 */
export async function download(url, { onprogress = () => {}, signal, size } = {}) {
  const name = String(url).split("/").pop();
  try {
    const response = await fetch(url, { signal });
    if (response.ok && !isPage(response)) {
      return await received(response, announcedSize(response) ?? size ?? null, onprogress);
    }
    const reason = response.ok ? "the server sent a page in its place" : response.status;
    throw new UserError(`${name} could not be loaded (${reason}): load the page again later.`);
  } catch (error) {
    if (signal?.aborted || error instanceof UserError) {
      throw error;
    }
    throw new UserError(`${name} could not be loaded: check the connection, then load the page again.`, {
      cause: error,
    });
  }
}

/**
 * The content of several files at once, with their bytes together.
 *
 * @param {{ url: string | URL, size?: number }[]} files
 * @param {{ onprogress?: ByteProgress, signal?: AbortSignal }} [options]
 * @returns {Promise<ArrayBuffer[]>}
 */
export function downloadAll(files, { onprogress, signal } = {}) {
  const loaded = files.map(() => 0);
  /** @type {(number | null)[]} */
  const all = files.map(() => null);
  return Promise.all(
    files.map(({ url, size }, place) =>
      download(url, {
        signal,
        size,
        onprogress: (bytes, total) => {
          [loaded[place], all[place]] = [bytes, total];
          const sum = loaded.reduce((one, other) => one + other, 0);
          const known = all.every((size) => size !== null);
          onprogress?.(sum, known ? all.reduce((one, other) => Number(one) + Number(other), 0) : null);
        },
      }),
    ),
  );
}

/** @param {Response} response @param {number | null} all @param {ByteProgress} onprogress */
async function received(response, all, onprogress) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  const pieces = [];
  let loaded = 0;
  onprogress(0, all);
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    pieces.push(read.value);
    loaded += read.value.length;
    onprogress(loaded, all);
  }
  onprogress(loaded, loaded);
  return joinedBytes(pieces, loaded);
}

/** Some servers answer with a page where a file is missing. @param {Response} response */
function isPage(response) {
  return /^text\/html/.test(response.headers.get("content-type") ?? "");
}

/** What a compressed answer announces is the size before it is unpacked. @param {Response} response */
function announcedSize(response) {
  const size = Number(response.headers.get("content-length"));
  return size && !response.headers.get("content-encoding") ? size : null;
}

/** @param {Uint8Array[]} pieces @param {number} size @returns {ArrayBuffer} */
function joinedBytes(pieces, size) {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole.buffer;
}
