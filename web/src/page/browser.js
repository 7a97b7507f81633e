/** What the page needs of a browser. */

/** A module with one SIMD instruction. */
// prettier-ignore
const SIMD = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
);

/**
 * What is missing here, in words; empty where the page can run. What only costs time to ask is not asked: the portrait
 * asks for WebGL.
 * @param {typeof globalThis} [browser]
 * @returns {string[]}
 */
export function missingParts(browser = globalThis) {
  const parts = {
    "WebAssembly with SIMD": hasSimd(browser),
    "audio worklets": !browser.isSecureContext || typeof browser.AudioWorkletNode === "function",
    workers: typeof browser.Worker === "function",
  };
  return Object.entries(parts).flatMap(([name, there]) => (there ? [] : [name]));
}

/** @param {typeof globalThis} browser */
function hasSimd(browser) {
  return typeof browser.WebAssembly === "object" && browser.WebAssembly.validate(SIMD);
}
