/** What is shown beside the picture. */

import { SAMPLE_RATE_HZ } from "../speech/bundle_card.js";
import { at } from "./elements.js";

const PAINTED_MS = 600;

/** Resolves when the browser has shown the page; drawing before that would keep it from doing so. @returns {Promise<void>} */
export function painted() {
  return new Promise((resolve) => {
    setTimeout(resolve, PAINTED_MS); // some browsers do not tell
    new PerformanceObserver(() => resolve()).observe({ type: "paint", buffered: true });
  });
}

/** Say what a button does now. @param {string} id @param {string} text @param {boolean} stops whether it stops what runs */
export function label(id, text, stops) {
  const button = at(id);
  button.classList.toggle("stops", stops);
  const span = /** @type {HTMLElement} */ (button.querySelector("span"));
  span.textContent = stops ? "Stop" : text;
}

/** @param {number} seconds */
export function showLatency(seconds) {
  const value = /** @type {HTMLElement} */ (at("latency").querySelector("b"));
  value.textContent = `${Math.round(1000 * seconds)} ms`;
}

/** @param {Float32Array} samples 16 kHz */
export function secondsOf(samples) {
  return `${(samples.length / SAMPLE_RATE_HZ).toFixed(1)} s`;
}
