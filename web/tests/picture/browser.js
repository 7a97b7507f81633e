/** A real browser for tests: this folder's files served on the loopback, and a page with the pictures' code in it. */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const KINDS = {
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".html": "text/html",
  ".json": "application/json",
};
const BROWSER = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--autoplay-policy=no-user-gesture-required",
  "--no-sandbox",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--disable-dev-shm-usage",
];
const MODULES = { imports: { mediabunny: "/node_modules/mediabunny/dist/bundles/mediabunny.min.mjs" } };
const PAGE = `<!doctype html><script type="importmap">${JSON.stringify(MODULES)}</script><canvas></canvas>`;

/** Why no browser can be had; false where one can. */
export const noBrowser = existsSync(BROWSER) ? false : `no browser at ${BROWSER}: set CHROMIUM`;

/**
 * @param {import("playwright-core").BrowserContextOptions} [options]
 * @returns {Promise<{ page: import("playwright-core").Page, close: () => Promise<void> }>}
 */
export async function openPage(options = {}) {
  const { chromium } = await import("playwright-core");
  const server = createServer(answer).listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const browser = await chromium.launch({ executablePath: BROWSER, args: FLAGS });
  const page = await browser.newPage(options);
  page.on("console", (message) => message.type() === "error" && console.error(message.text()));
  await page.goto(`http://127.0.0.1:${port}/`);
  const close = async () => {
    await browser.close();
    server.close();
  };
  return { page, close };
}

/** @type {import("node:http").RequestListener} */
async function answer(request, response) {
  const path = normalize(new URL(request.url ?? "/", "http://here").pathname);
  if (path === "/favicon.ico") return void response.writeHead(204).end();
  if (path === "/") return void response.setHeader("content-type", "text/html").end(PAGE);
  try {
    const bytes = await readFile(join(ROOT, path));
    const kind = KINDS[/** @type {keyof KINDS} */ (extname(path))] ?? "application/octet-stream";
    response.setHeader("content-type", kind).end(bytes);
  } catch {
    response.writeHead(404).end();
  }
}
