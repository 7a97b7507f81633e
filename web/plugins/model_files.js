import { createReadStream, existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** What the page reads from src/kfusion/assets, and whether it does so before someone can speak. */
export const MODEL_FILES = {
  "live.onnx": "first",
  "face_landmarker.task": "first",
  "portrait.jpg": "first",
  "speech.flac": "first",
  "face_shapes.npz": "first",
  "mean_face.npy": "first",
  "default.onnx": "later",
  "visemes.onnx": "later",
};

/**
 * The models under `assets/`: from their folder in development, copied into a static page.
 *
 * @param {{ folder: string, copied: boolean }} options
 * @returns {import("vite").Plugin}
 */
export function modelFiles({ folder, copied }) {
  return {
    name: "model-files",
    configureServer(server) {
      server.middlewares.use("/assets", (request, response, next) => {
        const path = join(folder, basename(request.url?.split("?")[0] ?? ""));
        if (!existsSync(path)) return next();
        response.setHeader("Content-Type", "application/octet-stream");
        createReadStream(path).pipe(response);
      });
    },
    generateBundle() {
      if (!copied) return;
      for (const name of Object.keys(MODEL_FILES))
        this.emitFile({ type: "asset", fileName: `assets/${name}`, source: readFileSync(join(folder, name)) });
    },
  };
}
