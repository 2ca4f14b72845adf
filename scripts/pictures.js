// Takes the pictures of the console for README.md and docs/console.md: docs/images/console-SCREEN-THEME.png. The data is made
// up (packages/console/test/fake-host.ts), so that each run shows the same. Needs Chromium and a build (npm run build).
//
//   npm run pictures [SCREEN …]     all screens, or only these

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Each screen, with the amount of data that shows it best. */
const dataOf = {
  overview: "much",
  changes: "much",
  item: "little",
  "dead-letters": "little",
  runs: "little",
  doctor: "little",
};

const wanted = process.argv.slice(2);
const unknown = wanted.find((screen) => !Object.hasOwn(dataOf, screen));
if (unknown !== undefined) throw new Error(`there is no screen ${unknown}; expected ${Object.keys(dataOf).join(", ")}`);
const screens = wanted.length > 0 ? wanted : Object.keys(dataOf);

const folder = mkdtempSync(".cache/pictures-");
try {
  for (const data of new Set(screens.map((screen) => dataOf[screen]))) {
    const only = screens.filter((screen) => dataOf[screen] === data).join();
    const args = ["--only", only, "--data", data, "--width", "1280", "--theme", "light,dark", "--out", folder];
    const { status } = spawnSync(process.execPath, ["test/console/run-program.js", "screens", ...args], {
      stdio: "inherit",
    });
    if (status !== 0) throw new Error(`the pictures with the data "${data}" failed`);
  }
  for (const name of readdirSync(folder)) {
    const [, screen, theme] = /^(.+)-(?:none|little|much)-(light|dark)-1280\.png$/.exec(name) ?? [];
    renameSync(join(folder, name), join("docs/images", `console-${screen}-${theme}.png`));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
