// Bundles the page of the console, so that users need no build: packages/console/dist/page has all that a browser loads.

import { copyFile, mkdir } from "node:fs/promises";
import { build } from "esbuild";

const source = "packages/console/src/page";
const target = "packages/console/dist/page";

await mkdir(target, { recursive: true });
await build({
  entryPoints: [`${source}/main.tsx`],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  outfile: `${target}/page.js`,
  legalComments: "inline",
  logLevel: "warning",
});
await copyFile(`${source}/index.html`, `${target}/index.html`);
