// Serves the console with made-up data: node test/console/serve-fake.js --data much --rate 100 --port 4000
// Options: --data none|little|much, --rate CHANGES_PER_SECOND, --port, --runs, --hide-keys, --deployment.
// Needs the built packages (npm run build): the server is that of dist, and so is the page.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = join(import.meta.dirname, "../..");
const outfile = join(root, ".cache/serve-fake.mjs");
await build({
  entryPoints: [join(import.meta.dirname, "serve-fake-program.ts")],
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  outfile,
  logLevel: "warning",
});
await import(pathToFileURL(outfile).href);
