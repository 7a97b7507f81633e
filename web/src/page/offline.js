/** Later visits come from this device: the service worker, and word of a new version. */

import { at } from "./elements.js";

/** Keep the page on this device; says nothing where that cannot be. */
export async function keepOffline() {
  if (/** @type {any} */ (import.meta).env?.DEV || !("serviceWorker" in navigator)) return;
  try {
    const registration = await navigator.serviceWorker.register("sw.js", { updateViaCache: "none" });
    if (registration.waiting) offer(registration.waiting);
    registration.addEventListener("updatefound", () => watch(registration));
    await navigator.serviceWorker.ready;
    document.documentElement.dataset.offline = "ready";
  } catch (error) {
    console.info("kfusion: this browser does not keep the page for later:", error);
  }
}

/** @param {ServiceWorkerRegistration} registration */
function watch(registration) {
  const worker = registration.installing;
  worker?.addEventListener("statechange", () => {
    if (worker.state === "installed" && navigator.serviceWorker.controller) offer(worker);
  });
}

/** Let the person choose when the new version comes. @param {ServiceWorker} worker */
function offer(worker) {
  at("update").hidden = false;
  const button = /** @type {HTMLButtonElement} */ (at("update").querySelector("button"));
  button.onclick = () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
    worker.postMessage("take over");
  };
}
