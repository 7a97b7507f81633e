/** Errors in plain words. */

import { UserError } from "../errors.js";

/** What browsers throw at the boundaries of the page, and what a person can do about it. */
const WORDS = new Map([
  [
    "NotAllowedError",
    "The browser was not allowed to: permit it for this page (the icon beside the address), and try again.",
  ],
  ["NotFoundError", "There is no such device here: plug one in, or use a file instead."],
  ["NotReadableError", "The device is in use by another program: close that, and try again."],
  ["QuotaExceededError", "This device has no room left for it: free some, and try again."],
]);

/**
 * What went wrong, on one line.
 * @param {unknown} error
 */
export function wordsOf(error) {
  if (error instanceof UserError) return sentence(error.message);
  const { name = "", message = String(error) } = /** @type {Partial<Error>} */ (error ?? {});
  const words = WORDS.get(name);
  if (words) return words;
  if (isOffline(name, message))
    return "A part of the page could not be fetched: connect to the network once, and load it again.";
  return `Something broke that should not (${message}): load the page again.`;
}

/** Failed downloads, as Chrome, Firefox and Safari say it. @param {string} name @param {string} message */
function isOffline(name, message) {
  return (
    name === "NetworkError" ||
    /failed to fetch|networkerror|load failed|importing a module|dynamically imported/i.test(message)
  );
}

/** How a text begins that begins with the name of a file. */
const FILE_FIRST = /^[^:]*\.\w{1,8}(:| is )/;

/** A text as one sentence; the name of a file stays as it is. @param {string} text */
export function sentence(text) {
  const line = text.trim().replace(/\s+/g, " ");
  const first = FILE_FIRST.test(line) ? line : line.charAt(0).toUpperCase() + line.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
