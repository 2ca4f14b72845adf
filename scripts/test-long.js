// For many random histories: npm run test:long -- --runs N [--seed S] [PATTERN]
// For many chaos runs:       npm run test:long -- --chaos N [--seed S] [PATTERN]
// For many live backfills:   npm run test:long -- --backfills N [--seed S]
// For many new projects:     npm run test:long -- --projects N [--seed S]
//
// Plays N histories (default: 10,000) for every target, release and guard, or runs every chaos test N times, or the test of
// backfills and verifications beside a live stream, or generates N projects with `sluice init` and runs their tests. S is the
// first seed. Without --seed the script chooses a new seed and prints it. PATTERN selects test files, for example test/convergence/postgres.

import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "10000" },
    chaos: { type: "string" },
    backfills: { type: "string" },
    projects: { type: "string" },
    seed: { type: "string" },
  },
});

for (const [name, value] of Object.entries(values)) {
  if (/^\d+$/.test(value)) continue;
  process.stderr.write(`--${name} is ${value}; expected a whole number\n`);
  process.exit(2);
}

const suiteOf = ({ runs, chaos, backfills, projects }) => {
  if (projects !== undefined) {
    return { folder: "packages/cli/test/init", tests: "a generated project", variable: "PROJECTS", runs: projects };
  }
  if (backfills !== undefined) {
    return { folder: "test/backfill-live", tests: "beside a live stream", variable: "BACKFILLS", runs: backfills };
  }
  if (chaos !== undefined) return { folder: "test/chaos", tests: "chaos", variable: "CHAOS", runs: chaos };
  return { folder: "test/convergence", tests: "random histories", variable: "CONVERGENCE", runs };
};

const suite = suiteOf(values);

const flags = ["--disable-warning=ExperimentalWarning", "--experimental-vm-modules"];
const jest = ["node_modules/jest/bin/jest.js", "--runInBand", "--testNamePattern", suite.tests];
const { status } = spawnSync(
  process.execPath,
  [...flags, ...jest, ...(positionals.length > 0 ? positionals : [suite.folder])],
  {
    stdio: "inherit",
    env: {
      ...process.env,
      [`${suite.variable}_RUNS`]: suite.runs,
      ...(values.seed !== undefined && { [`${suite.variable}_SEED`]: values.seed }),
    },
  },
);
process.exit(status ?? 1);
