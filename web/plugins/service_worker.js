import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MODEL_FILES } from "./model_files.js";

const SOURCE = fileURLToPath(new URL("../src/sw.js", import.meta.url));
const LATER = [/\bdefault\b.*\.onnx$/, /\bvisemes\b.*\.onnx$/, /^code\/(three|vrm|head|Head)\b.*/];
/** What is fetched when it is first asked for, not when the page is first opened. */
const PLACE_OF_VERSION = "VERSION-OF-THE-PAGE";

/**
 * `sw.js` with the list of everything that the page may ask for, each with its hash; the hash of the list is the version
 * of the page, and stands in index.html too.
 *
 * @param {{ models: string }} options
 * @returns {import("vite").Plugin}
 */
export function serviceWorker({ models }) {
  return {
    name: "service-worker",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const files = { ...hashesOfModels(models), ...hashesOfBundle(bundle) };
        const version = hashOf(JSON.stringify(files));
        const page = bundle["index.html"];
        if (page?.type !== "asset") throw new Error("index.html is not in the build");
        page.source = String(page.source).replace(PLACE_OF_VERSION, version);
        const manifest = { version, files, first: Object.keys(files).filter(isFirst) };
        const source = `self.MANIFEST = ${JSON.stringify(manifest)};\n${readFileSync(SOURCE, "utf8")}`;
        this.emitFile({ type: "asset", fileName: "sw.js", source });
      },
    },
  };
}

/** @param {string} name */
function isFirst(name) {
  return !LATER.some((pattern) => pattern.test(name));
}

/** @param {string} folder @returns {Record<string, string>} */
function hashesOfModels(folder) {
  return Object.fromEntries(
    Object.keys(MODEL_FILES).map((name) => [`assets/${name}`, hashOf(readFileSync(join(folder, name)))]),
  );
}

/** @param {import("rolldown").OutputBundle} bundle @returns {Record<string, string>} */
function hashesOfBundle(bundle) {
  const asked = Object.values(bundle).filter(({ fileName }) => fileName !== "licences.txt");
  const files = asked.sort((one, other) => (one.fileName < other.fileName ? -1 : 1));
  return Object.fromEntries(
    files.map((file) => [file.fileName, hashOf(file.type === "chunk" ? file.code : file.source)]),
  );
}

/** @param {string | Uint8Array} content */
function hashOf(content) {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}
