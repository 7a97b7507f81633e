import { missingParts } from "./page/browser.js";
import { at, say } from "./page/elements.js";

const missing = await missingParts();
if (missing.length) {
  say(`This browser lacks ${missing.join(" and ")}: open the page in a current Chrome, Edge, Firefox or Safari.`, true);
} else {
  try {
    const { Page } = await import("./page/page.js");
    await new Page().open();
  } catch (error) {
    const { wordsOf } = await import("./page/words.js");
    say(wordsOf(error), true);
  }
}
at("why").addEventListener("click", () => /** @type {HTMLDialogElement} */ (at("proof")).showModal());
