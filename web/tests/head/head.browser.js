/** What needs a browser: the head as it is drawn, avatars as they are read, visemes in their worker. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { vrm0, vrm1 } from "./vrm_files.js";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const ASSETS = join(ROOT, "../src/kfusion/assets");
const PAGE = `<!doctype html><canvas id="canvas" style="width: 200px; height: 240px"></canvas><script type="module">
  import { Head } from "/src/head/index.js";
  import { ARKIT_SHAPES, STILL } from "/src/motion/index.js";
  const head = new Head(document.getElementById("canvas"));
  const weights = (some) => Float32Array.from(ARKIT_SHAPES, (name) => some[name] ?? 0);
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  window.test = {
    load: (text) => head.load(text && bytes(text)).catch(({ name, message }) => ({ name, message })),
    draws: () => head._stage._renderer.info.render.frame,
    influences: () => {
      const found = [];
      head._holder.traverse(({ morphTargetInfluences }) => found.push(...(morphTargetInfluences ?? [])));
      return found;
    },
    picture: (some, angles = [0, 0, 0], life = {}) => {
      head.draw(weights(some), angles, { ...STILL, ...life });
      head._stage.draw();
      return document.getElementById("canvas").toDataURL();
    },
    draw: (some) => head.draw(weights(some), [0, 0, 0]),
    visemes: async (text) => {
      const { loadVisemes } = await import("/src/motion/index.js");
      const engine = await loadVisemes({ base: "/assets/" });
      const shares = [];
      const samples = Float32Array.from(new Int16Array(bytes(text)), (one) => one / 32768);
      const { events } = await engine.read(samples, { onprogress: (share) => shares.push(share) });
      engine.close();
      return { events, last: shares.at(-1) };
    },
  };
</script>`;
const skip = !existsSync(CHROMIUM) && `no ${CHROMIUM} here`;
/** @type {any} */
let server, browser, tab;

/** Answers a few addresses beside the sources. @param {any} vite */
function serve({ middlewares }) {
  middlewares.use("/test", (/** @type {any} */ _, /** @type {any} */ answer) => {
    answer.setHeader("Content-Type", "text/html");
    answer.end(PAGE);
  });
  middlewares.use("/assets/visemes.onnx", (/** @type {any} */ _, /** @type {any} */ answer) => {
    answer.end(readFileSync(join(ASSETS, "visemes.onnx")));
  });
}

before(async () => {
  if (skip) return;
  const { createServer } = await import("vite");
  const { chromium } = await import("playwright-core");
  const cacheDir = join(tmpdir(), "kfusion-head-browser");
  const optimizeDeps = { exclude: ["onnxruntime-web"], include: ["three", "@pixiv/three-vrm", "three/addons/libs/meshopt_decoder.module.js"] }; // prettier-ignore
  const plugins = [{ name: "test", configureServer: serve }];
  server = await createServer({ root: ROOT, configFile: false, cacheDir, logLevel: "error", optimizeDeps, plugins });
  await server.listen(0);
  const args = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
  tab = await browser.newPage();
  await tab.goto(`http://localhost:${server.httpServer.address().port}/test`);
  await tab.waitForFunction("window.test");
});

after(async () => {
  await browser?.close();
  await server?.close();
});

const load = (/** @type {Uint8Array | null} */ file) =>
  tab.evaluate((/** @type {any} */ text) => test.load(text), file && Buffer.from(file).toString("base64"));
const picture = (/** @type {any[]} */ ...moment) =>
  tab.evaluate((/** @type {any} */ all) => test.picture(...all), moment);

test("our own head shows what shapes, angles and signs of life say", { skip }, async () => {
  assert.deepEqual((await load(null)).missing, []);
  const still = await picture({});
  assert.equal(await picture({}), still);
  const others = [[{ jawOpen: 0.5 }], [{ mouthSmileLeft: 0.7 }], [{}, [0.3, 0, 0]], [{}, [0, 0, 0], { closed: 1 }], [{}, [0, 0, 0], { gaze: [0.012, 0] }]]; // prettier-ignore
  const pictures = [still];
  for (const moment of others) pictures.push(await picture(...moment));
  assert.equal(new Set(pictures).size, others.length + 1);
});

test("nothing is drawn where nothing moves", { skip }, async () => {
  await tab.evaluate(() => test.draw({ jawOpen: 0.2 }));
  const draws = await tab.evaluate(() => test.draws());
  for (let time = 0; time < 3; time++) await tab.evaluate(() => test.draw({ jawOpen: 0.2 }));
  assert.equal(await tab.evaluate(() => test.draws()), draws);
  await tab.evaluate(() => test.draw({ jawOpen: 0.3 }));
  assert.equal(await tab.evaluate(() => test.draws()), draws + 1);
});

test("the stub head that the page writes is read as an avatar", { skip }, async () => {
  const glb = readFileSync(new URL("../formats/fixtures/motion.glb", import.meta.url));
  assert.deepEqual((await load(glb)).missing, []);
  assert.notEqual(await picture({ jawOpen: 0.5 }), await picture({}));
});

test("a VRM speaks by its vowels, and one of perfect sync by ARKit's shapes", { skip }, async () => {
  assert.deepEqual(await load(vrm1(["aa", "ou", "blinkLeft"])), {
    found: ["aa", "ou", "blinkLeft"],
    missing: ["ih", "ee", "oh", "blinkRight"],
  });
  await picture({ jawOpen: 0.25, eyeBlinkLeft: 1 });
  assert.deepEqual(await tab.evaluate(() => test.influences()), [0.5, 0, 1]);
  assert.deepEqual((await load(vrm1(["aa"], ["JawOpen", "MouthSmile_L"]))).found, ["jawOpen", "mouthSmileLeft"]);
  await picture({ jawOpen: 0.25 });
  assert.deepEqual(await tab.evaluate(() => test.influences()), [0, 0.25, 0]);
  assert.deepEqual((await load(vrm0(["a", "o", "blink_r"]))).found, ["aa", "oh", "blinkRight"]);
  await picture({ jawOpen: 0.5 });
  assert.deepEqual(await tab.evaluate(() => test.influences()), [1, 0, 0]);
});

test("a VRM's eyes look where the weights say", { skip }, async () => {
  await load(vrm1(["aa", "lookLeft", "lookRight", "lookDown"]));
  await picture({ eyeLookOutLeft: 0.6, eyeLookInRight: 0.6, eyeLookDownLeft: 0.3, eyeLookDownRight: 0.3 });
  const shown = await tab.evaluate(() => test.influences());
  assert.deepEqual(shown.map((/** @type {number} */ one) => Math.round(100 * one) / 100), [0, 0.2, 0, 0.1]); // prettier-ignore
});

test("a file that cannot be used says so, and what was shown stays", { skip }, async () => {
  await load(null);
  const shown = await picture({ jawOpen: 0.5 });
  const whole = readFileSync(new URL("../formats/fixtures/motion.glb", import.meta.url));
  const emptied = new Uint8Array(whole);
  const text = Buffer.from(whole).toString("latin1").replace('"POSITION":0', '"POSITION":99');
  for (const file of [
    whole.subarray(0, 5000),
    emptied.slice(0, 30),
    Buffer.from(text, "latin1"),
    vrm1([]),
    Buffer.from("x"),
  ]) {
    const { name, message } = await load(file);
    assert.equal(name, "UserError", message);
    assert.match(message, /export|download/);
  }
  assert.equal(await picture({ jawOpen: 0.5 }), shown);
});

test(
  "visemes are heard in a worker, as Python hears them",
  { skip: skip || (!existsSync(join(ASSETS, "visemes.onnx")) && "no network here") },
  async () => {
    const fixture = (/** @type {string} */ name) =>
      readFileSync(new URL(`../motion/fixtures/${name}`, import.meta.url));
    const heard = await tab.evaluate(
      (/** @type {any} */ text) => test.visemes(text),
      fixture("speech.s16").toString("base64"),
    );
    assert.deepEqual(heard.events, JSON.parse(fixture("visemes.json").toString()).events);
    assert.equal(heard.last, 1);
  },
);
