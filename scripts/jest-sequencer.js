// The order of the test files: the slowest ones start first. A clean clone has no times of earlier runs, so Jest would
// start the largest files first, and one slow file would run alone at the end. Other files keep Jest's order.

import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import Sequencer from "@jest/test-sequencer";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Files that take more than 20 seconds, slowest first. `.cache/ci/jest.json` has the times of the last `.ci/run`. */
const slowFiles = [];

const missing = slowFiles.filter((file) => !existsSync(join(root, file)));
if (missing.length > 0)
  throw new Error(`scripts/jest-sequencer.js names files that do not exist: ${missing.join(", ")}`);

const rankOf = new Map(slowFiles.map((file, index) => [file, index]));

/** Jest's order, with the slow files before all others. */
export default class SlowestFirst extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => rankOf.get(relative(root, path)) ?? slowFiles.length;
    return [...super.sort(tests)].sort((one, other) => rank(one) - rank(other));
  }
}
