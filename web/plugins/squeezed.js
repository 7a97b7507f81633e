import { gzipSync } from "node:zlib";

const SQUEEZED = /\.(glb|html|js|mjs|css|svg|wasm|json)$/;

/**
 * Every text, head and WebAssembly as `NAME.gz` in place of NAME: less in the package, less over the wire.
 *
 * @returns {import("vite").Plugin}
 */
export function squeezed() {
  return {
    name: "squeezed",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        for (const [name, file] of Object.entries(bundle)) {
          if (!SQUEEZED.test(name)) continue;
          const source = gzipSync(file.type === "chunk" ? file.code : file.source, { level: 9 });
          this.emitFile({ type: "asset", fileName: `${name}.gz`, source });
          delete bundle[name];
        }
      },
    },
  };
}
