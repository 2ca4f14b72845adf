// Runs a program of this folder, which is TypeScript: node test/console/run-program.js PROGRAM [OPTIONS]
//   serve-fake  serves the console with made-up data: --data none|little|much, --rate CHANGES_PER_SECOND, --port, --runs,
//               --hide-keys, --deployment
//   screens     takes pictures of every screen: --only overview,changes --data much --theme dark --width 390 --out FOLDER
// Needs the built packages (npm run build): server and page are those of dist.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const [program = "serve-fake"] = process.argv.splice(2, 1);
const outfile = join(import.meta.dirname, `../../.cache/console-programs/${program}.mjs`);
await build({
  entryPoints: [join(import.meta.dirname, `${program}-program.ts`)],
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  outfile,
  logLevel: "warning",
});
await import(pathToFileURL(outfile).href);
