import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { noBrowser, openPage } from "./browser.js";
import { cases, decodedPng, pathOf, readPicture } from "./fixtures.js";

/** @typedef {{ width: number, height: number, data: Uint8ClampedArray }} Picture */

const SHADE = 255;
/** What the face may differ in the mean, in levels of 255, and how similar the mouth must be. */
const MOST_OFF = 0.6;
const LEAST_SIMILAR = 0.97;

/** @type {Awaited<ReturnType<typeof openPage>>} */
let browser;
if (!noBrowser) {
  before(async () => (browser = await openPage()));
  after(() => browser.close());
}

/**
 * What the browser makes of a portrait: pictures of its canvas.
 *
 * @param {string} name
 * @param {(tools: any) => unknown} script gets `picture`, `moments`, `shot()`, `STILL`
 */
async function drawn(name, script) {
  const { points, moments } = /** @type {import("./fixtures.js").Case} */ (
    cases().find((known) => known.name === name)
  );
  const portrait = `data:image/png;base64,${readFileSync(pathOf(`${name}.png`)).toString("base64")}`;
  return browser.page.evaluate(
    async ({ portrait, points, moments, script }) => {
      const { STILL, TalkingPicture } = await import(/** @type {any} */ ("/src/picture/index.js"));
      const picture = await createImageBitmap(await (await fetch(portrait)).blob());
      document.querySelector("canvas")?.replaceWith(document.createElement("canvas"));
      const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector("canvas"));
      const { width, height } = picture;
      const face = { picture, width, height, points: Float32Array.from(points) };
      const talking = new TalkingPicture(canvas, face);
      const placed = moments.map(({ points, life }) => ({
        points: Float32Array.from(points),
        life: { ...STILL, ...life },
      }));
      const shot = () => canvas.toDataURL().split(",")[1];
      const result = await eval(script)({ talking, moments: placed, canvas, face, shot, STILL, TalkingPicture });
      talking.dispose();
      return result;
    },
    { portrait, points, moments, script: script.toString() },
  );
}

/** @param {string} shot base64 */
const pictureOf = (shot) => decodedPng(Buffer.from(shot, "base64"));

/** The lightness of a part of a picture. @param {Picture} picture @param {number[]} box left, top, right, bottom */
function levels({ width, data }, [left, top, right, bottom]) {
  const found = [];
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const at = 4 * (y * width + x);
      found.push(0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]);
    }
  }
  return found;
}

/** @param {number[]} first @param {number[]} second */
const meanOff = (first, second) =>
  first.reduce((sum, level, at) => sum + Math.abs(level - second[at]), 0) / first.length;

/** Structural similarity (Wang et al. 2004), over windows of 7 x 7. @param {number[]} first @param {number[]} second @param {number} width */
function similarity(first, second, width) {
  const [side, least, scale] = [7, (0.01 * SHADE) ** 2, (0.03 * SHADE) ** 2];
  let [sum, count] = [0, 0];
  for (let y = 0; y + side <= first.length / width; y++) {
    for (let x = 0; x + side <= width; x++, count++) {
      const at = Array.from(
        { length: side * side },
        (_, place) => (y + Math.floor(place / side)) * width + x + (place % side),
      );
      const [a, b] = [first, second].map((values) => at.map((place) => values[place]));
      const [meanA, meanB] = [a, b].map((values) => values.reduce((all, value) => all + value) / values.length);
      const product = (
        /** @type {number[]} */ p,
        /** @type {number[]} */ q,
        /** @type {number} */ mp,
        /** @type {number} */ mq,
      ) => p.reduce((all, value, place) => all + (value - mp) * (q[place] - mq), 0) / (p.length - 1);
      const [varianceA, varianceB, both] = [
        product(a, a, meanA, meanA),
        product(b, b, meanB, meanB),
        product(a, b, meanA, meanB),
      ];
      sum +=
        ((2 * meanA * meanB + least) * (2 * both + scale)) /
        ((meanA ** 2 + meanB ** 2 + least) * (varianceA + varianceB + scale));
    }
  }
  return sum / count;
}

for (const { name, face, mouth, moments } of cases()) {
  test(`the ${name} portrait is drawn as Python draws it`, { skip: noBrowser, timeout: 30_000 }, async (t) => {
    const shots = /** @type {string[]} */ (
      await drawn(name, ({ talking, moments, shot }) => {
        return moments.map((/** @type {any} */ { points, life }) => (talking.draw(points, life), shot()));
      })
    );
    assert.equal(shots.length, moments.length);
    shots.map(pictureOf).forEach((picture, number) => {
      const known = readPicture(`${name}-${number}.png`);
      const inside = [mouth[0] - face[0], mouth[1] - face[1], mouth[2] - face[0], mouth[3] - face[1]];
      const off = meanOff(levels(picture, face), levels(known, [0, 0, known.width, known.height]));
      const similar = similarity(levels(picture, mouth), levels(known, inside), mouth[2] - mouth[0]);
      t.diagnostic(`moment ${number}: face off by ${off.toFixed(2)} of 255, SSIM of the mouth ${similar.toFixed(4)}`);
      assert.ok(off < MOST_OFF);
      assert.ok(similar > LEAST_SIMILAR);
    });
  });

  test(
    `the ${name} portrait at rest is the portrait, and so is what lies off the face`,
    { skip: noBrowser, timeout: 30_000 },
    async () => {
      const [rest, open] = /** @type {string[]} */ (
        await drawn(name, ({ talking, moments, shot }) => {
          const rest = (talking.drawRest(), shot());
          return [rest, (talking.draw(moments[2].points), shot())];
        })
      );
      const portrait = readPicture(`${name}.png`);
      assert.deepEqual(pictureOf(rest).data, portrait.data);
      const corner = [0, 0, 40, 40];
      assert.deepEqual(levels(pictureOf(open), corner), levels(portrait, corner));
      assert.notDeepEqual(pictureOf(open).data, portrait.data);
    },
  );
}

test(
  "a lost context is restored, and the last moment is drawn again",
  { skip: noBrowser, timeout: 30_000 },
  async () => {
    const [earlier, later] = /** @type {string[]} */ (
      await drawn("smiling", async ({ talking, moments, canvas, shot }) => {
        const earlier = (talking.draw(moments[2].points, moments[2].life), shot());
        const loss = canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
        const happened = (/** @type {string} */ name) =>
          new Promise((done) => canvas.addEventListener(name, done, { once: true }));
        const lost = happened("webglcontextlost");
        loss.loseContext();
        await lost;
        await new Promise((after) => setTimeout(after, 50));
        talking.draw(moments[4].points, moments[4].life);
        talking.draw(moments[2].points, moments[2].life);
        const restored = happened("webglcontextrestored");
        loss.restoreContext();
        await restored;
        return [earlier, shot()];
      })
    );
    assert.equal(later, earlier);
  },
);

test("a canvas whose picture was disposed of draws another", { skip: noBrowser, timeout: 30_000 }, async () => {
  const [first, second] = /** @type {string[]} */ (
    await drawn("smiling", ({ talking, moments, canvas, face, shot, TalkingPicture }) => {
      const first = (talking.draw(moments[2].points), shot());
      talking.dispose();
      talking.draw(moments[0].points);
      const another = new TalkingPicture(canvas, face);
      another.draw(moments[2].points);
      const second = shot();
      another.dispose();
      return [first, second];
    })
  );
  assert.equal(second, first);
});

test(
  "a portrait larger than what is drawn is drawn smaller, with even sides",
  { skip: noBrowser, timeout: 30_000 },
  async () => {
    const size = await drawn("smiling", ({ canvas, face, moments, TalkingPicture }) => {
      const small = new TalkingPicture(canvas, face, { longestPx: 151 });
      const opening = small.opening(moments[2].points);
      small.draw(moments[2].points);
      small.dispose();
      return [canvas.width % 2, canvas.height % 2, Math.max(canvas.width, canvas.height) <= 151, opening > 0.1];
    });
    assert.deepEqual(size, [0, 0, true, true]);
  },
);

test("a picture that shows no face is refused in words", { skip: noBrowser, timeout: 30_000 }, async () => {
  const said = await drawn("smiling", ({ canvas, face, TalkingPicture }) => {
    try {
      new TalkingPicture(canvas, { ...face, points: face.points.map((/** @type {number} */ at) => at + 5000) });
    } catch (error) {
      return [/** @type {Error} */ (error).name, /** @type {Error} */ (error).message];
    }
  });
  const [name, message] = /** @type {string[]} */ (said);
  assert.equal(name, "UserError");
  assert.match(message, /0 of 68 landmarks lie in the picture of \d+ x \d+ pixels: pass/);
});
