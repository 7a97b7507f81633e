/** Files of the page: their bytes, what is told of them, and what goes wrong. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { download, downloadAll } from "../../src/download.js";
import { RUNTIME as FACE } from "../../src/face/landmarker.js";
import { RUNTIME as SPEECH } from "../../src/speech/session.js";

const CONTENT = Buffer.alloc(200_000, "kfusion");

let server, base;
before(async () => {
  server = createServer((request, response) => {
    if (request.url === "/plain") {
      response.setHeader("content-length", CONTENT.length);
      response.end(CONTENT);
    } else if (request.url === "/squeezed") {
      response.setHeader("content-encoding", "gzip");
      response.end(gzipSync(CONTENT));
    } else if (request.url === "/page.onnx") {
      response.setHeader("content-type", "text/html; charset=utf-8");
      response.end("<title>not found</title>");
    } else if (request.url === "/broken") {
      response.setHeader("content-length", CONTENT.length);
      response.write(CONTENT.subarray(0, 1000), () => response.destroy());
    } else if (request.url !== "/slow") {
      response.statusCode = 404;
      response.end();
    }
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.on("listening", resolve));
  base = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.closeAllConnections() ?? server.close());

test("a file comes whole, and its bytes are told on the way", async () => {
  const news = [];
  const bytes = await download(`${base}/plain`, { onprogress: (...told) => news.push(told) });
  assert.deepEqual(Buffer.from(bytes), CONTENT);
  assert.deepEqual(news[0], [0, CONTENT.length]);
  assert.deepEqual(news.at(-1), [CONTENT.length, CONTENT.length]);
});

test("of a file that comes compressed all bytes are known beforehand, or not until they are there", async () => {
  const news = async (options) => {
    const told = [];
    await download(`${base}/squeezed`, { ...options, onprogress: (...one) => told.push(one) });
    return told;
  };
  assert.deepEqual((await news({}))[0], [0, null]);
  assert.deepEqual((await news({ size: CONTENT.length }))[0], [0, CONTENT.length]);
  assert.deepEqual((await news({})).at(-1), [CONTENT.length, CONTENT.length]);
});

test("of several files the bytes are added up", async () => {
  const news = [];
  const files = [{ url: `${base}/plain` }, { url: `${base}/squeezed`, size: CONTENT.length }];
  const all = await downloadAll(files, { onprogress: (...told) => news.push(told) });
  assert.deepEqual(
    all.map(({ byteLength }) => byteLength),
    [CONTENT.length, CONTENT.length],
  );
  assert.deepEqual(news.at(-1), [2 * CONTENT.length, 2 * CONTENT.length]);
  news.reduce((before, [loaded]) => (assert.ok(loaded >= before), loaded), 0);
});

test("a file that is not there, and a server that is not there, are named with what to do", async () => {
  await assert.rejects(download(`${base}/gone.onnx`), {
    name: "UserError",
    message: /^gone\.onnx could not be loaded \(404\)/,
  });
  await assert.rejects(download("http://127.0.0.1:1/gone.onnx"), {
    message: /^gone\.onnx could not be loaded: check the conn/,
  });
});

test("a page in place of a file is no file", async () => {
  await assert.rejects(download(`${base}/page.onnx`), {
    name: "UserError",
    message: /^page\.onnx could not be loaded \(the server sent a page in its place\)/,
  });
});

test("a download can be cancelled", async () => {
  const controller = new AbortController();
  const task = download(`${base}/slow`, { signal: controller.signal });
  controller.abort();
  await assert.rejects(task, { name: "AbortError" });
});

test("a connection that breaks off is told with what to do", async () => {
  await assert.rejects(download(`${base}/broken`), {
    name: "UserError",
    message: /^broken could not be loaded: check/,
  });
});

test("the bytes of the WebAssembly are those of the installed packages", () => {
  for (const { url, size } of [SPEECH, FACE]) {
    assert.equal(size, statSync(url).size);
  }
});
