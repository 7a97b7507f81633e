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
 * @param {{ onprogress?: ByteProgress, signal?: AbortSignal }} [options]
 * @returns {Promise<ArrayBuffer>}
 */
export async function download(url, { onprogress, signal } = {}) {
  const response = await answered(url, signal);
  if (!onprogress || !response.body) {
    return response.arrayBuffer();
  }
  const all = announcedSize(response);
  const pieces = [];
  let loaded = 0;
  onprogress(0, all);
  const reader = response.body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    pieces.push(read.value);
    loaded += read.value.length;
    onprogress(loaded, all);
  }
  onprogress(loaded, loaded);
  return joinedBytes(pieces, loaded);
}

/**
 * The content of several files at once, with their bytes together.
 *
 * @param {(string | URL)[]} urls
 * @param {{ onprogress?: ByteProgress, signal?: AbortSignal }} [options]
 * @returns {Promise<ArrayBuffer[]>}
 */
export function downloadAll(urls, { onprogress, signal } = {}) {
  const loaded = urls.map(() => 0);
  /** @type {(number | null)[]} */
  const all = urls.map(() => null);
  return Promise.all(
    urls.map((url, place) =>
      download(url, {
        signal,
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

/** @param {string | URL} url @param {AbortSignal} [signal] */
async function answered(url, signal) {
  const name = String(url).split("/").pop();
  let response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    if (signal?.aborted) {
      throw error;
    }
    throw new UserError(`${name} could not be loaded: check the connection, then load the page again.`, {
      cause: error,
    });
  }
  if (!response.ok) {
    throw new UserError(`${name} could not be loaded (${response.status}): load the page again later.`);
  }
  return response;
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
