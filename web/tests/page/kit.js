/** What the browser tests share: the page as `kfusion demo --web` serves it, in Debian's Chromium. */

import assert from "node:assert/strict";
import { spawn, execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
export const ASSETS = here("../../../src/kfusion/assets/");
export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const OWN_PYTHON = here("../../../.venv/bin/python");
const PYTHON = process.env.PYTHON ?? (existsSync(OWN_PYTHON) ? OWN_PYTHON : "python3");
const ENVIRONMENT = { ...process.env, PYTHONPATH: here("../../../src") };
export const FOLDER = mkdtempSync(join(tmpdir(), "kfusion-page-"));

/** Why the browser tests cannot run here; "" where they can. */
export const UNABLE = existsSync(CHROMIUM)
  ? existsSync(here("../../../src/kfusion/web/page/index.html.gz"))
    ? ""
    : "the page is not built: make web"
  : `no ${CHROMIUM}: apt-get install chromium`;

/** The page, served; `close` ends the server. */
export async function servePage() {
  const command = ["-m", "kfusion", "demo", "--web", "--no-browser", "--port", "0"];
  const server = spawn(PYTHON, command, { env: ENVIRONMENT, stdio: ["ignore", "pipe", "inherit"] });
  process.once("exit", () => server.kill());
  server.unref();
  const [line] = await once(server.stdout, "data");
  server.stdout.destroy();
  return { url: String(line).trim(), close: () => server.kill() };
}

/** A browser with a microphone that hears `sound`, and a camera. @param {string} [sound] a WAV file */
export function openBrowser(sound) {
  const flags = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--mute-audio"];
  const fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
  const heard = sound ? [`--use-file-for-fake-audio-capture=${sound}`] : [];
  return chromium.launch({ executablePath: CHROMIUM, args: [...flags, ...fake, ...heard] });
}

/** The packaged recording as a WAV file. */
export function voiceFile() {
  const path = join(FOLDER, "voice.wav");
  const program = `
import sys, wave
from kfusion import assets
from kfusion.audio import read_audio
samples = read_audio(assets.SAMPLE_SPEECH)
with wave.open(sys.argv[1], "wb") as file:
    file.setparams((1, 2, 16000, 0, "NONE", ""))
    file.writeframes((samples * 32767).astype("<i2").tobytes())`;
  execFileSync(PYTHON, ["-c", program, path], { env: ENVIRONMENT });
  return path;
}

/**
 * A mono WAV file of 16 bits.
 * @param {ArrayLike<number>} samples 16 kHz, full scale 1
 */
export function wavOf(samples) {
  const bytes = Buffer.alloc(44 + 2 * samples.length);
  bytes.write("RIFF", 0);
  bytes.writeUInt32LE(36 + 2 * samples.length, 4);
  bytes.write("WAVEfmt ", 8);
  bytes.writeUInt32LE(16, 16);
  [1, 1].forEach((value, n) => bytes.writeUInt16LE(value, 20 + 2 * n));
  bytes.writeUInt32LE(16000, 24);
  bytes.writeUInt32LE(32000, 28);
  [2, 16].forEach((value, n) => bytes.writeUInt16LE(value, 32 + 2 * n));
  bytes.write("data", 36);
  bytes.writeUInt32LE(2 * samples.length, 40);
  Array.from(samples).forEach((value, n) => bytes.writeInt16LE(Math.round(32767 * value), 44 + 2 * n));
  return bytes;
}

/** A file to pick, from memory. @param {string} name @param {string} mimeType @param {Buffer} buffer */
export const fileOf = (name, mimeType, buffer) => ({ name, mimeType, buffer });

export const portrait = () => fileOf("portrait.jpg", "image/jpeg", readFileSync(join(ASSETS, "portrait.jpg")));
export const speech = () => fileOf("speech.flac", "audio/flac", readFileSync(join(ASSETS, "speech.flac")));

/** Wait until the page is ready to hear. @param {import("playwright-core").Page} page */
export async function whenReady(page, timeout = 60_000) {
  await page.waitForFunction(() => document.documentElement.dataset.phase === "ready", null, { timeout });
}

/** Wait for words of the status line. @param {import("playwright-core").Page} page @param {RegExp} words */
export async function whenSaid(page, words, timeout = 60_000) {
  const matches = ([source, flags]) =>
    new RegExp(source, flags).test(document.getElementById("status")?.textContent ?? "");
  try {
    await page.waitForFunction(matches, [words.source, words.flags], { timeout });
  } catch {
    throw new Error(`the page said "${await page.textContent("#status")}", not ${words}`);
  }
}

/**
 * @typedef {(page: import("playwright-core").Page, context: import("playwright-core").BrowserContext) => Promise<void>} Work
 * @typedef {{ options?: import("playwright-core").BrowserContextOptions, script?: () => void }} How
 */

/**
 * A visit to the page, ready; what the page itself complains of fails the test.
 * @param {import("playwright-core").Browser} browser
 * @param {string} url
 * @param {Work} work
 * @param {How} [how]
 */
export async function visitPage(browser, url, work, { options = {}, script = () => {} } = {}) {
  const where = { viewport: { width: 1200, height: 800 }, acceptDownloads: true };
  const context = await browser.newContext({ ...where, ...options });
  const page = await context.newPage();
  /** @type {string[]} */
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (line) => line.type() === "error" && faults.push(line.text()));
  await page.addInitScript(script);
  try {
    await page.goto(url);
    await whenReady(page);
    await work(page, context);
    assert.deepEqual(faults, []);
  } finally {
    await context.close();
  }
}

/** Wait until the page is on the device. @param {import("playwright-core").Page} page */
export async function whenKept(page) {
  await page.waitForFunction(() => document.documentElement.dataset.offline === "ready", null, { timeout: 60_000 });
}

/** A relay to a server of this machine, that remembers what went through. @param {string} url */
export async function relayTo(url) {
  const seen = { toServer: "", bytesToBrowser: 0 };
  const sockets = new Set();
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(url).port), "127.0.0.1").unref();
    client.unref();
    client.on("data", (piece) => (seen.toServer += piece.toString("latin1")));
    upstream.on("data", (piece) => (seen.bytesToBrowser += piece.length));
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => [client, upstream].forEach((one) => one.destroy()));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  server.unref();
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url: `http://127.0.0.1:${/** @type {any} */ (server.address()).port}`, seen, close };
}
