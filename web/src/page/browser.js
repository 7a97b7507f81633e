/** What the page needs of a browser. */

/** A module with one SIMD instruction. */
// prettier-ignore
const SIMD = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
);

/**
 * What is missing here, in words; empty where the page can run.
 * @param {typeof globalThis} [browser]
 * @returns {Promise<string[]>}
 */
export async function missingParts(browser = globalThis) {
  const parts = {
    "WebAssembly with SIMD": hasSimd(browser),
    "WebGL 2": hasWebgl(browser),
    "audio worklets": "AudioWorkletNode" in browser || !browser.isSecureContext,
    "module workers": "Worker" in browser,
  };
  return Object.entries(parts).flatMap(([name, there]) => (there ? [] : [name]));
}

/** @param {typeof globalThis} browser */
function hasSimd(browser) {
  return typeof browser.WebAssembly === "object" && browser.WebAssembly.validate(SIMD);
}

/** @param {typeof globalThis} browser */
function hasWebgl(browser) {
  const context = browser.document.createElement("canvas").getContext("webgl2");
  context?.getExtension("WEBGL_lose_context")?.loseContext(); // a browser gives few of them
  return context !== null;
}
