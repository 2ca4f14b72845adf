// The order of the test files: the slowest ones start first. A clean clone has no times of earlier runs, so Jest would
// start the largest files first, and one slow file would run alone at the end. Other files keep Jest's order.

import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import Sequencer from "@jest/test-sequencer";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Files that take more than 20 seconds, slowest first. `.cache/ci/jest.json` has the times of the last `.ci/run`. */
const slowFiles = [
  "test/exactly-once.test.ts",
  "test/backfill-live.test.ts",
  "packages/cli/test/init/generated.integration.test.ts",
  "examples/demo/test/demo.test.ts",
  "test/console/accessibility.test.ts",
  "test/convergence/opensearch.test.ts",
  "test/convergence/postgres.test.ts",
  "examples/deploy-cdk/test/ministack.integration.test.ts",
  "packages/sink-opensearch/test/conformance.test.ts",
  "bench/test/growth.test.ts",
  "test/getting-started.test.ts",
  "packages/sink-postgres/test/conformance.test.ts",
  "packages/sink-dynamodb/test/conformance.test.ts",
  "test/exactly-once-others.test.ts",
  "packages/sink-dynamodb/test/convergence.test.ts",
  "packages/workflow/test/backfill/distributed-backfill.integration.test.ts",
  "bench/test/bench.test.ts",
  "packages/cli/test/actions/queue.property.test.ts",
  "test/convergence/postgres-children.test.ts",
  "packages/sink-postgres/test/shared-rows.property.test.ts",
  "packages/dev/test/run.test.ts",
  "bench/test/tuning.test.ts",
  "packages/cli/test/dev/dev.integration.test.ts",
  "test/test-runners.test.ts",
  "packages/cli/test/actions/dead-letters.integration.test.ts",
  "packages/sink-postgres/test/refusal.test.ts",
  "packages/workflow/test/batch.integration.test.ts",
  "bench/test/opensearch.test.ts",
  "packages/cli/test/redrive.integration.test.ts",
  "packages/inspect/test/doctor/operation.test.ts",
  "packages/cli/test/dead-letters.integration.test.ts",
  "packages/cli/test/console/deployment.integration.test.ts",
  "packages/cli/test/holding.integration.test.ts",
  "packages/cli/test/actions/runs.integration.test.ts",
  "packages/local/test/sqs-event-source-mapping/standard.integration.test.ts",
];

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
