/** The elements of index.html by their ids, and the line that says how things are. */

/**
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} id
 * @returns {E}
 */
export function at(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no #${id}`);
  return /** @type {E} */ (element);
}

/** @param {string} id @returns {HTMLCanvasElement} */
export const canvasAt = (id) => at(id);

/** @param {string} id @returns {HTMLInputElement} */
export const inputAt = (id) => at(id);

/** @param {string} id @returns {HTMLButtonElement} */
export const buttonAt = (id) => at(id);

/**
 * Say how things are, to eyes and to screen readers.
 * @param {string} text
 * @param {boolean} [failed] whether something went wrong
 */
export function say(text, failed = false) {
  const status = at("status");
  status.parentElement?.classList.toggle("failed", failed);
  if (status.textContent !== text) status.textContent = text;
}

/**
 * Show how far a work is.
 * @param {number} done
 * @param {number | null} [all] null: nobody knows
 */
export function showProgress(done, all = 1) {
  const bar = /** @type {HTMLProgressElement} */ (at("progress"));
  bar.parentElement?.classList.add("busy");
  if (all === null) bar.removeAttribute("value");
  else bar.value = all > 0 ? Math.min(1, done / all) : 0;
}

/** Take the bar away. */
export function hideProgress() {
  at("progress").parentElement?.classList.remove("busy");
}

/**
 * The value of the chosen radio button of a group.
 * @param {string} name
 */
export function chosen(name) {
  const input = document.querySelector(`input[name="${name}"]:checked`);
  return input instanceof HTMLInputElement ? input.value : "";
}

/** @param {string} name @param {string} value */
export function choose(name, value) {
  const input = document.querySelector(`input[name="${name}"][value="${value}"]`);
  if (input instanceof HTMLInputElement) input.checked = true;
}
