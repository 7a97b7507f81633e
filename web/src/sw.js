/**
 * Keeps the page on the device, by the hashes of its files: what did not change is not fetched again. The build puts
 * the list, `self.MANIFEST`, before this.
 *
 * A page that is not ours at the same address (another program on the same port of this machine) is let through.
 */

const worker = /** @type {ServiceWorkerGlobalScope & typeof globalThis} */ (/** @type {unknown} */ (self));
/** @type {{ version: string, files: Record<string, string>, first: string[] }} */
const MANIFEST = /** @type {any} */ (self).MANIFEST;
const CACHE = "kfusion-page";
const PATIENCE_MS = 2500;
const ROOT = worker.registration.scope;

/** The key of a file: its address and what is in it. @param {string} name */
const keyOf = (name) => `${ROOT}${name}?${MANIFEST.files[name]}`;

/** @param {string} name @returns {Promise<Response>} */
async function fetched(name) {
  const answer = await fetch(`${ROOT}${name}`, { cache: "no-cache", credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer;
}

/** From the device; from where the page came from the first time. @param {string} name @returns {Promise<Response>} */
async function kept(name) {
  const cache = await caches.open(CACHE);
  const found = await cache.match(keyOf(name));
  if (found) return found;
  const answer = await fetched(name);
  await cache.put(keyOf(name), answer.clone()).catch(() => undefined); // no room: without it next time too
  return answer;
}

async function install() {
  for (const name of MANIFEST.first) await (await kept(name)).body?.cancel();
}

/** Forget what no version needs that a tab may still show: all but this version's files. */
async function tidy() {
  const cache = await caches.open(CACHE);
  const wanted = new Set(Object.keys(MANIFEST.files).map(keyOf));
  for (const { url } of await cache.keys()) if (!wanted.has(url)) await cache.delete(url);
  await worker.clients.claim();
}

/**
 * The page itself: this version's, unless something else answers at its address now.
 * @param {Request} request
 * @returns {Promise<Response>}
 */
async function page(request) {
  const [own, answer] = await Promise.all([
    kept("index.html"),
    fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => null),
  ]);
  if (!answer?.ok) return own;
  if ((await answer.clone().text()).includes('name="kfusion-page"')) return own;
  await worker.registration.unregister();
  return answer;
}

/** @param {FetchEvent} event */
function answer(event) {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== worker.location.origin) return event.respondWith(Response.error());
  if (request.method !== "GET" || !url.href.startsWith(ROOT)) return;
  const name = decodeURIComponent(url.href.slice(ROOT.length).split(/[?#]/)[0]);
  if (request.mode === "navigate" && ["", "index.html"].includes(name)) return event.respondWith(page(request));
  if (name in MANIFEST.files && name !== "index.html") event.respondWith(kept(name));
}

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(tidy()));
worker.addEventListener("fetch", answer);
worker.addEventListener("message", ({ data }) => data === "take over" && worker.skipWaiting());
