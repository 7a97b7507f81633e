/** What the page promises: nothing leaves the device, later visits come from it, and everyone can use it. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { openPage } from "../fixtures/chromium.js";
import {
  UNABLE,
  openBrowser,
  portrait,
  relayTo,
  servePage,
  speech,
  visitPage,
  voiceFile,
  whenKept,
  whenReady,
  whenSaid,
} from "./kit.js";

/** @typedef {import("playwright-core").Page} Page */

const skip = UNABLE || false;
/** @type {Awaited<ReturnType<typeof servePage>>} */
let server;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  if (skip) return;
  server = await servePage();
  browser = await openBrowser(voiceFile());
});

after(async () => {
  await browser?.close();
  server?.close();
});

/** @param {Page} page */
async function speakFor(page, ms = 1500) {
  await page.click("#speak");
  await whenSaid(page, /Speak\. Press Stop/);
  await page.waitForTimeout(ms);
  await page.click("#speak");
  await whenSaid(page, /You spoke for/);
}

/** @param {Page} page */
async function useEverything(page) {
  await speakFor(page);
  await page.setInputFiles("#sound-file", speech());
  await whenSaid(page, /9\.\d s of sound/);
  await page.click("#play");
  await whenReady(page);
  await page.setInputFiles("#photo-file", portrait());
  await page.waitForSelector("#own:not([hidden])", { timeout: 60_000 });
  await whenReady(page);
}

test("only files of the page are asked for, and once they are there nothing at all", { skip }, async () => {
  const wire = await relayTo(server.url);
  await visitPage(browser, wire.url, async (page) => {
    await whenKept(page);
    await useEverything(page);
    const asked = wire.seen.toServer.split("\r\n\r\n").filter(Boolean);
    for (const head of asked) {
      assert.match(head, /^GET \/(index\.html|sw\.js|code\/[\w.-]+|assets\/[\w.]+)? HTTP\/1\.1\r\n/);
      assert.doesNotMatch(head, /content-length|transfer-encoding|cookie/i);
    }
    wire.seen.toServer = "";
    await useEverything(page);
    const rest = wire.seen.toServer.split("\r\n\r\n").filter(Boolean);
    // the browser itself may look whether there is a new version
    assert.deepEqual(
      rest.filter((head) => !head.startsWith("GET /sw.js HTTP/1.1")),
      [],
    );
  });
  wire.close();
});

test("neither the page nor a worker of it can reach another address", { skip }, async () => {
  let reached = 0;
  const other = createServer((_, answer) => ((reached += 1), answer.end())).listen(0, "127.0.0.1");
  await once(other, "listening");
  const url = `http://127.0.0.1:${/** @type {any} */ (other.address()).port}/`;
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(server.url);
  await whenReady(page);
  const tries = await page.evaluate(async (address) => {
    const image = new Image();
    const pictured = new Promise(
      (resolve) => ((image.onload = () => resolve("seen")), (image.onerror = () => resolve("no"))),
    );
    image.src = address;
    const fetched = fetch(address, { method: "POST", body: "voice", mode: "no-cors" }).then(
      () => "sent",
      () => "no",
    );
    const beacon = navigator.sendBeacon(address, "voice");
    return [await pictured, await fetched, beacon];
  }, url);
  assert.deepEqual(tries.slice(0, 2), ["no", "no"]);
  assert.ok(page.workers().length > 0);
  for (const worker of page.workers()) {
    const sent = (/** @type {string} */ address) =>
      fetch(address, { method: "POST", body: "voice", mode: "no-cors" }).then(
        () => "sent",
        () => "no",
      );
    assert.equal(await worker.evaluate(sent, url), "no");
  }
  await page.waitForTimeout(300);
  assert.equal(reached, 0);
  await context.close();
  other.close();
});

test("a second visit needs no network, and a model that does not come is told of in words", { skip }, async () => {
  const own = await servePage();
  const context = await browser.newContext();
  const page = await context.newPage();
  await context.route("**/live.onnx", (route) => route.abort());
  await page.goto(own.url);
  await whenSaid(page, /could not be loaded|could not be fetched/);
  await context.unroute("**/live.onnx");
  await page.reload();
  await whenReady(page);
  await whenKept(page);
  own.close();
  await page.close();
  const later = await context.newPage();
  await later.goto(own.url);
  await whenReady(later);
  await speakFor(later);
  await context.close();
});

/** The page behind a server that can change: a new version, or another program. */
async function changing() {
  const change = { version: "", stranger: false };
  const front = createServer(async (request, answer) => {
    if (change.stranger) return answer.setHeader("Content-Type", "text/html").end("<h1>another program</h1>");
    const from = await fetch(new URL(request.url ?? "/", server.url));
    for (const name of ["content-type", "cache-control"]) answer.setHeader(name, from.headers.get(name) ?? "");
    let body = Buffer.from(await from.arrayBuffer());
    if (change.version && request.url === "/sw.js") body = Buffer.from(renewed(body.toString(), change.version));
    if (change.version && /^\/(index\.html)?$/.test(request.url ?? ""))
      body = Buffer.from(body.toString().replace("<h1>kfusion</h1>", `<h1>kfusion ${change.version}</h1>`));
    answer.statusCode = from.status;
    answer.end(body);
  }).listen(0, "127.0.0.1");
  await once(front, "listening");
  return { url: `http://127.0.0.1:${/** @type {any} */ (front.address()).port}`, change, close: () => front.close() };
}

/** `sw.js` of a build in which index.html is another. @param {string} script @param {string} version */
function renewed(script, version) {
  return script.replace(/"index\.html":"\w+"/, `"index.html":"${version}"`);
}

test(
  "a new version is offered, and comes when it is wanted; another program at the address is let through",
  { skip },
  async () => {
    const { url, change, close } = await changing();
    await visitPage(browser, url, async (page) => {
      await whenKept(page);
      change.version = "two";
      await page.reload();
      await page.waitForSelector("#update:not([hidden])", { timeout: 30_000 });
      assert.equal(await page.textContent("h1"), "kfusion");
      await page.click("#update button");
      await page.waitForFunction(() => document.querySelector("h1")?.textContent === "kfusion two");
      await whenReady(page);
      change.stranger = true;
      await page.goto(url);
      assert.equal(await page.textContent("h1"), "another program");
    });
    close();
  },
);

test("everything is reached and used by keyboard, and every control has a name", { skip }, () =>
  visitPage(browser, server.url, async (page, context) => {
    const reached = new Set();
    for (let n = 0; n < 30; n++) {
      await page.keyboard.press("Tab");
      reached.add(
        await page.evaluate(() => {
          const { id, name, value } = /** @type {any} */ (document.activeElement);
          return id || name || value;
        }),
      );
    }
    for (const control of [
      "why",
      "view",
      "speak",
      "play",
      "sound",
      "face",
      "photo",
      "camera",
      "emotion",
      "expressiveness",
    ])
      assert.ok(reached.has(control), control);
    for (const control of ["blinks", "sway", "film", "landmarks-csv"]) assert.ok(reached.has(control), control);
    await page.focus("input[name=face]:checked");
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.inputValue("input[name=face]:checked"), "mira");
    await page.focus("#why");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#proof[open]");
    await page.keyboard.press("Escape");
    await page.focus("#speak");
    await page.keyboard.press("Enter");
    await whenSaid(page, /Speak\. Press Stop/);
    await page.waitForTimeout(800);
    await page.keyboard.press("Escape");
    await whenSaid(page, /You spoke for/);
    const session = await context.newCDPSession(page);
    const { nodes } = await session.send("Accessibility.getFullAXTree");
    const roles = ["button", "radio", "combobox", "slider", "switch", "progressbar", "image"];
    const nameless = nodes.filter(({ role, name, ignored }) => !ignored && roles.includes(role?.value) && !name?.value);
    assert.deepEqual(
      nameless.map(({ role }) => role?.value),
      [],
    );
  }),
);

test("on a telephone it is as wide as the screen, and Speak is in sight", { skip }, () =>
  visitPage(
    browser,
    server.url,
    async (page) => {
      const facts = await page.evaluate(() => ({
        width: document.documentElement.scrollWidth,
        speakEnds: document.getElementById("speak")?.getBoundingClientRect().bottom ?? Infinity,
        low: [...document.querySelectorAll("main button, select, .switch, #faces label")]
          .filter((control) => control.getClientRects().length)
          .filter((control) => control.getBoundingClientRect().height < 36)
          .map((control) => control.outerHTML),
      }));
      assert.equal(facts.width, 360);
      assert.ok(facts.speakEnds <= 740, String(facts.speakEnds));
      assert.deepEqual(facts.low, []);
    },
    { options: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 } },
  ),
);

test("dark where the device is dark, and still where it wants less motion", { skip }, () =>
  visitPage(
    browser,
    server.url,
    async (page) => {
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.ok(/\d+/g.exec(ground) && (ground.match(/\d+/g) ?? []).every((value) => Number(value) < 40), ground);
      assert.equal(await page.isChecked("#blinks"), false);
      assert.equal(await page.isChecked("#sway"), false);
    },
    { options: { colorScheme: "dark", reducedMotion: "reduce" } },
  ),
);

test("the points that come with the samples are those that the page finds in them", { skip }, async () => {
  const { page, close } = await openPage();
  const off = await page.evaluate(async () => {
    const [{ SAMPLES, openSample }, { loadFaceFinder }] = await Promise.all([
      import(/** @type {string} */ ("/src/page/faces.js")),
      import(/** @type {string} */ ("/src/face/index.js")),
    ]);
    const finder = await loadFaceFinder();
    const apart = [];
    for (const name of Object.keys(SAMPLES)) {
      const { picture, points } = await openSample(name);
      const found = await finder.find(picture);
      const eyes = Math.hypot(points[90] - points[72], points[91] - points[73]);
      apart.push(
        Math.max(...found.map((/** @type {number} */ value, /** @type {number} */ n) => Math.abs(value - points[n]))) /
          eyes,
      );
    }
    return apart;
  });
  await close();
  assert.equal(off.length, 4);
  assert.ok(Math.max(...off) < 0.01, String(off));
});
