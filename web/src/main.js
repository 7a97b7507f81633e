import { missingParts } from "./page/browser.js";
import { at, say } from "./page/elements.js";
import { Page } from "./page/page.js";

at("stuck").remove();
at("why").addEventListener("click", () => /** @type {HTMLDialogElement} */ (at("proof")).showModal());
const missing = missingParts();
if (missing.length)
  say(`This browser lacks ${missing.join(" and ")}: open the page in a current Chrome, Edge, Firefox or Safari.`, true);
else new Page().open();
