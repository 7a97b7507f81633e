import { defineConfig } from "vite";
import { fileURLToPath } from "node:url";
import { licences } from "./plugins/licences.js";
import { modelFiles } from "./plugins/model_files.js";
import { serviceWorker } from "./plugins/service_worker.js";
import { squeezed } from "./plugins/squeezed.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const ASSETS = here("../src/kfusion/assets/");

/**
 * `vite build` writes the page into the Python package, squeezed, without the models: `kfusion` serves those from where
 * they are. `vite build --mode static` writes a whole folder for any web server, models included.
 */
export default defineConfig(({ mode }) => {
  const whole = mode === "static";
  return {
    root: here("."),
    base: "./",
    publicDir: false,
    build: {
      outDir: here(whole ? "static-page" : "../src/kfusion/web/page"),
      emptyOutDir: true,
      assetsDir: "code",
      assetsInlineLimit: 0,
      target: "es2022",
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 1200,
      reportCompressedSize: false,
    },
    worker: { format: "es" },
    plugins: [
      licences(),
      modelFiles({ folder: ASSETS, copied: whole }),
      serviceWorker({ models: ASSETS }),
      !whole && squeezed(),
    ],
  };
});
