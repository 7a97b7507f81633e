/** Which control does what. */

import { at, chosen } from "./elements.js";
import { takePhoto } from "./faces.js";
import { manner, wireManner } from "./options.js";
import { receiveDrops, whenPicked } from "./picked.js";

/** @param {import("./page.js").Page} page */
export function wire(page) {
  const does = (/** @type {string} */ id, /** @type {() => Promise<void>} */ work) =>
    at(id).addEventListener("click", () => page.attempt(work));
  does("speak", () => (page.phase === "listening" ? page.finishSpeaking() : page.speak()));
  does("play", async () => (page.phase === "ready" ? page.play() : page.finishPlaying()));
  does("camera", async () => {
    const photo = await takePhoto();
    if (photo) await page.usePhoto(photo);
  });
  whenPicked("photo", "photo-file", (file) => page.attempt(() => page.usePhoto(file)));
  whenPicked("sound", "sound-file", (file) => page.attempt(() => page.useSound(file)));
  whenPicked("model", "model-file", (file) => page.attempt(() => page.useHead(file)));
  receiveDrops((use) => page.attempt(() => use(page)));
  at("faces").addEventListener("change", () => page.attempt(() => page.useSample(chosen("face"))));
  at("views").addEventListener("change", () => page.attempt(() => page.changeView()));
  at("keep").addEventListener("click", ({ target }) => {
    const button = target instanceof Element ? target.closest("button") : null;
    if (button) page.attempt(() => page.keep(button.value));
  });
  wireManner(() => page.stage.setManner(manner()));
  window.addEventListener("keydown", ({ key }) => key === "Escape" && escape(page));
}

/** Stop what runs. @param {import("./page.js").Page} page */
function escape(page) {
  if (document.querySelector("dialog[open]")) return;
  if (page.phase === "listening") page.attempt(() => page.finishSpeaking());
  else if (page.phase !== "ready") page.finishPlaying();
}
