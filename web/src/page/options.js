/** How the face speaks, as the controls say it. */

import { at, inputAt } from "./elements.js";

const FPS = 30;

/** What landmarks depend on. */
export function options() {
  const emotion = /** @type {HTMLSelectElement} */ (at("emotion")).value || null;
  return {
    fps: FPS,
    emotion,
    intensity: emotion && emotion !== "neutral" ? inputAt("intensity").valueAsNumber : null,
    expressiveness: inputAt("expressiveness").valueAsNumber,
  };
}

/** Which signs of life there are. */
export function manner() {
  return { blinks: inputAt("blinks").checked, sway: inputAt("sway").checked };
}

/** The signs of life behind the two switches. @param {{ blinks: boolean, sway: boolean }} manner */
export function kindsOf({ blinks, sway }) {
  return { blinks, gaze: blinks, brows: blinks, sway, breath: sway };
}

/**
 * Less motion for those who asked their device for it, and word of every change of the signs of life.
 * @param {() => void} onchange
 */
export function wireManner(onchange) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const follow = () => {
    if (calm.matches) inputAt("blinks").checked = inputAt("sway").checked = false;
    onchange();
  };
  calm.addEventListener("change", follow);
  follow();
  for (const id of ["blinks", "sway"]) at(id).addEventListener("change", onchange);
  at("emotion").addEventListener("change", () => {
    const { emotion } = options();
    inputAt("intensity").disabled = !emotion || emotion === "neutral";
  });
}
