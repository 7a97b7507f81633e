import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { noBrowser, openPage } from "./browser.js";
import { cases } from "./fixtures.js";

/** @type {Awaited<ReturnType<typeof openPage>>} */
let browser;
if (!noBrowser) {
  before(async () => (browser = await openPage({ deviceScaleFactor: 2 })));
  after(() => browser.close());
}

test("points are drawn where they are, over the portrait", { skip: noBrowser, timeout: 30_000 }, async () => {
  const { points } = cases()[0];
  const [size, dot, corner] = await browser.page.evaluate(async (points) => {
    const { PointsView } = await import(/** @type {any} */ ("/src/picture/index.js"));
    const picture = document.createElement("canvas");
    [picture.width, picture.height] = [300, 300];
    const canvas = document.createElement("canvas");
    const view = new PointsView(canvas, { picture, width: 300, height: 300, points: Float32Array.from(points) });
    view.draw(Float32Array.from(points));
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const at = (/** @type {number} */ x, /** @type {number} */ y) => Array.from(pen.getImageData(x, y, 1, 1).data);
    return [[canvas.width, canvas.height], at(Math.floor(3.6 * points[102]), Math.floor(3.6 * points[103])), at(2, 2)];
  }, points);
  assert.deepEqual(size, [1080, 1080]);
  assert.ok(dot[0] > 200 && dot[2] < 140);
  assert.deepEqual(corner, [0, 0, 0, 0]);
});

test(
  "the curve is as fine as the screen, in the colours of the page, and rises as the mouth opens",
  { skip: noBrowser, timeout: 30_000 },
  async () => {
    const { size, rows } = await browser.page.evaluate(async () => {
      const { OpeningCurve } = await import(/** @type {any} */ ("/src/picture/index.js"));
      const canvas = document.createElement("canvas");
      canvas.style.cssText =
        "display: block; width: 300px; height: 60px; --curve: rgb(200 0 0); --curve-shut: rgb(0 0 200)";
      document.body.append(canvas);
      const curve = new OpeningCurve(canvas);
      for (let at = 0; at <= 180; at++) curve.push(at / 30, at < 90 ? 0 : 0.2);
      curve.draw();
      const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      const rowOf = (/** @type {number} */ x) => {
        const { data } = pen.getImageData(x, 0, 1, canvas.height);
        for (let y = 0; y < canvas.height; y++) if (data[4 * y] > 150 && data[4 * y + 3] > 150) return y;
        return -1;
      };
      const found = { size: [canvas.width, canvas.height], rows: [rowOf(150), rowOf(450)] };
      canvas.remove();
      return found;
    });
    assert.deepEqual(size, [600, 120]);
    assert.ok(rows[0] > 100);
    assert.ok(rows[1] > 0 && rows[1] < 60);
  },
);
