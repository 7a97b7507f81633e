import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HOME = fileURLToPath(new URL("../node_modules/", import.meta.url));
/** For packages that leave their licence's text out. @type {Record<string, string>} */
const LEFT_OUT = {
  "@mediapipe/tasks-vision": "Apache-2.0.txt",
  "onnxruntime-web": "ONNXRuntime-MIT.txt",
  "onnxruntime-common": "ONNXRuntime-MIT.txt",
};
const TEXTS = fileURLToPath(new URL("../../licences/", import.meta.url));
const TEXT = /^(licen[cs]e|notice|copying)(\.(md|txt))?$/i;

/**
 * `licences.txt`: the programs of others that the page is built of, and their licences.
 *
 * @returns {import("vite").Plugin}
 */
export function licences() {
  return {
    name: "licences",
    apply: "build",
    generateBundle() {
      const own = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
      const names = withTheirs(Object.keys(own.dependencies));
      this.emitFile({ type: "asset", fileName: "licences.txt", source: names.map(entryOf).join("\n\n") });
    },
  };
}

/** Packages and all that they need. @param {string[]} names @returns {string[]} */
function withTheirs(names) {
  const found = new Set();
  const visit = (/** @type {string} */ name) => {
    if (found.has(name) || name.startsWith("@types/")) return;
    found.add(name);
    Object.keys(cardOf(name).dependencies ?? {}).forEach(visit);
  };
  names.forEach(visit);
  return [...found].sort();
}

/** @param {string} name */
const cardOf = (name) => JSON.parse(readFileSync(join(HOME, name, "package.json"), "utf8"));

/** @param {string} name */
function entryOf(name) {
  const card = cardOf(name);
  const files = readdirSync(join(HOME, name)).filter((file) => TEXT.test(file));
  const texts = files.map((file) => join(HOME, name, file));
  if (name in LEFT_OUT) texts.push(join(TEXTS, LEFT_OUT[name]));
  const whole = texts.map((path) => readFileSync(path, "utf8").trim());
  return [`== ${name} ${card.version}, ${card.license}`, ...whole].join("\n\n");
}
