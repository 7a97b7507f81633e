/** What MediaPipe writes while it starts and looks, kept off the console. */

const CHATTER = /^\s*([IW]\d{4} |INFO: |Graph successfully )/;

/** From now on this worker's console leaves out MediaPipe's notes; whatever else is written comes. */
export function withoutChatter() {
  for (const kind of /** @type {const} */ (["log", "warn", "error"])) {
    const write = console[kind].bind(console);
    console[kind] = (...words) => {
      if (!CHATTER.test(String(words[0]))) {
        write(...words);
      }
    };
  }
}
