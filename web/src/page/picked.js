/** Files that are picked or dropped. */

import { UserError } from "../errors.js";
import { at, buttonAt, inputAt } from "./elements.js";

/** @typedef {import("./page.js").Page} Page */

/**
 * @param {string} button
 * @param {string} input of type file
 * @param {(file: File) => void} use
 */
export function whenPicked(button, input, use) {
  const field = inputAt(input);
  buttonAt(button).addEventListener("click", () => field.click());
  field.addEventListener("change", () => {
    const file = field.files?.[0];
    if (file) use(file);
    field.value = ""; // so that the same file can be picked again
  });
}

/** @param {(use: (page: Page) => Promise<void>) => void} receive */
export function receiveDrops(receive) {
  const show = (/** @type {boolean} */ shown) => at("frame").classList.toggle("dropping", shown);
  window.addEventListener("dragover", (event) => {
    event.preventDefault();
    show(true);
  });
  window.addEventListener("dragleave", (event) => event.relatedTarget === null && show(false));
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    show(false);
    const file = event.dataTransfer?.files[0];
    if (file) receive((page) => useOf(file, page));
  });
}

/**
 * What is done with a file, by what it is.
 * @param {File} file
 * @param {Pick<Page, "usePhoto" | "useSound" | "useHead">} page
 */
export async function useOf(file, page) {
  if (/\.(glb|vrm)$/i.test(file.name)) return page.useHead(file);
  if (/^image\//.test(file.type)) return page.usePhoto(file);
  if (/^(audio|video)\//.test(file.type)) return page.useSound(file);
  throw new UserError(`${file.name} is neither a photo nor a sound: drop a JPEG, PNG, WAV, MP3, M4A, FLAC or OGG file`);
}
