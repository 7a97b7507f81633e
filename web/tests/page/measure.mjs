/**
 * Times the page on this machine: `npm run measure [-- RUNS]`. Prints one line a number: median (and all) of RUNS visits.
 *
 * Bytes are counted by a relay between browser and server: everything that is sent to the browser, headers included.
 */

import { loadavg } from "node:os";
import { UNABLE, openBrowser, relayTo, servePage, voiceFile, whenKept, whenReady } from "./kit.js";

const RUNS = Number(process.argv[2] ?? 3);
const SPOKEN_MS = 6000;

/** Open the page once. @param {import("playwright-core").BrowserContext} context @param {string} url */
async function visit(context, url) {
  const page = await context.newPage();
  await page.goto(url);
  await whenReady(page);
  const times = await page.evaluate(() => {
    const at = (/** @type {string} */ name) => Math.round(performance.getEntriesByName(name)[0].startTime);
    return { paint: at("first-contentful-paint"), face: at("face"), ready: at("ready") };
  });
  return { page, times };
}

/** Latencies that the page shows while somebody speaks. @param {import("playwright-core").Page} page */
async function speak(page) {
  await page.click("#speak");
  const shown = [];
  for (const end = Date.now() + SPOKEN_MS; Date.now() < end;) {
    await page.waitForTimeout(250);
    const value = parseInt((await page.textContent("#latency b")) || "");
    if (value) shown.push(value);
  }
  await page.click("#speak");
  return shown;
}

/** @param {number[]} values */
function median(values) {
  return values.slice().sort((one, other) => one - other)[Math.floor(values.length / 2)];
}

/** @param {string} name @param {number[]} values */
function tell(name, values) {
  console.log(`${name.padEnd(46)} ${String(median(values)).padStart(6)}   (${values.join(", ")})`);
}

/** A browser that has run for a while, as a person's has. @param {import("playwright-core").Browser} browser */
async function warm(browser) {
  const page = await browser.newPage();
  await page.setContent("<canvas></canvas>");
  await page.evaluate(() => document.querySelector("canvas")?.getContext("webgl2")?.clear(0x4000));
  await page.screenshot();
  await page.close();
}

/** @param {{ url: string }} server @param {import("playwright-core").Browser} browser */
async function measureOnce(server, browser) {
  const wire = await relayTo(server.url);
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  const { page, times } = await visit(context, wire.url);
  const toSpeak = wire.seen.bytesToBrowser;
  await whenKept(page);
  const inAll = wire.seen.bytesToBrowser;
  const latency = await speak(page);
  await page.close();
  const again = await visit(context, wire.url);
  const later = wire.seen.bytesToBrowser - inAll;
  await context.close();
  wire.close();
  return { cold: times, toSpeak, inAll, later, again: again.times, latency };
}

if (UNABLE) throw new Error(UNABLE);
console.log(
  `load of the machine before: ${loadavg()
    .map((load) => load.toFixed(1))
    .join(", ")}`,
);
const server = await servePage();
const browser = await openBrowser(voiceFile());
await warm(browser);
const runs = [];
for (let run = 0; run < RUNS; run++) runs.push(await measureOnce(server, browser));
await browser.close();
server.close();
tell(
  "first useful paint, cold, ms",
  runs.map(({ cold }) => cold.paint),
);
tell(
  "the portrait drawn, cold, ms",
  runs.map(({ cold }) => cold.face),
);
tell(
  "ready to speak, cold, ms",
  runs.map(({ cold }) => cold.ready),
);
tell(
  "over the wire until ready to speak, kB",
  runs.map(({ toSpeak }) => Math.round(toSpeak / 1000)),
);
tell(
  "over the wire until it works offline, kB",
  runs.map(({ inAll }) => Math.round(inAll / 1000)),
);
tell(
  "first useful paint, second visit, ms",
  runs.map(({ again }) => again.paint),
);
tell(
  "ready to speak, second visit, ms",
  runs.map(({ again }) => again.ready),
);
tell(
  "over the wire, second visit, kB",
  runs.map(({ later }) => Math.round(later / 1000)),
);
tell(
  "voice to picture as the page shows it, ms",
  runs.map(({ latency }) => median(latency)),
);
tell(
  "voice to picture, highest, ms",
  runs.map(({ latency }) => Math.max(...latency)),
);
