// Random histories in their thousands: npm run test:long -- --runs N [--seed S] [PATTERN]
//
// N histories (default: 10,000) for every target, release and guard, from seed S (default: another one each time; it is printed). PATTERN limits the
// test files: test/convergence/postgres.

import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: "string", default: "10000" }, seed: { type: "string" } },
});

for (const [name, value] of Object.entries(values)) {
  if (/^\d+$/.test(value)) continue;
  process.stderr.write(`--${name} is ${value}; expected a whole number\n`);
  process.exit(2);
}

const flags = ["--disable-warning=ExperimentalWarning", "--experimental-vm-modules"];
const jest = ["node_modules/jest/bin/jest.js", "--runInBand", "--testNamePattern", "random histories"];
const { status } = spawnSync(
  process.execPath,
  [...flags, ...jest, ...(positionals.length > 0 ? positionals : ["test/convergence"])],
  {
    stdio: "inherit",
    env: {
      ...process.env,
      CONVERGENCE_RUNS: values.runs,
      ...(values.seed !== undefined && { CONVERGENCE_SEED: values.seed }),
    },
  },
);
process.exit(status ?? 1);
