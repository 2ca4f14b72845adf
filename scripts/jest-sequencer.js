// The order of the test files: the slowest ones start first. A clean clone has no times of earlier runs, so Jest would
// start the largest files first, and one slow file would run alone at the end. Other files keep Jest's order.

import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import Sequencer from "@jest/test-sequencer";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Files that take more than 35 seconds beside three others, slowest first. `.cache/ci/jest.json` has the times of the last `.ci/run`. */
const slowFiles = [
  "test/exactly-once.test.ts",
  "test/exactly-once-others.test.ts",
  "test/convergence/opensearch.test.ts",
  "test/convergence/postgres.test.ts",
  "test/backfill-live.test.ts",
  "packages/sink-opensearch/test/conformance.test.ts",
  "examples/demo/test/demo.test.ts",
  "test/console/accessibility.test.ts",
  "packages/sink-dynamodb/test/convergence.test.ts",
  "test/convergence/dynamodb.test.ts",
  "test/convergence/memory.test.ts",
  "test/getting-started.test.ts",
  "bench/test/growth.test.ts",
  "examples/deploy-cdk/test/ministack.integration.test.ts",
  "packages/sink-opensearch/test/read.integration.test.ts",
  "packages/cli/test/init/generated.integration.test.ts",
  "packages/sink-dynamodb/test/conformance.test.ts",
  "packages/sink-postgres/test/conformance.test.ts",
  "test/alarms/alarms.test.ts",
  "test/convergence/postgres-children.test.ts",
  "test/alarms/week.test.ts",
  "test/console/actions.test.ts",
  "test/bundling.test.ts",
  "test/simulation/simulation.test.ts",
  "packages/cli/test/dev/dev.integration.test.ts",
  "test/chaos/failing-queues.test.ts",
  "test/chaos/failing-targets.test.ts",
  "test/backfill-command.test.ts",
  "packages/dev/test/run.test.ts",
  "test/chaos/killed.test.ts",
  "packages/sink-postgres/test/shared-rows.property.test.ts",
  "test/verify/command.test.ts",
  "test/trace/command.test.ts",
  "packages/sink-opensearch/test/index-check.integration.test.ts",
  "test/test-runners.test.ts",
  "packages/sink-opensearch/test/guard.integration.test.ts",
  "test/console/liveness.test.ts",
  "packages/sink-opensearch/test/server.integration.test.ts",
  "test/convergence/opensearch-shared.test.ts",
  "packages/cli/test/actions/dead-letters.integration.test.ts",
  "test/trace/states.test.ts",
  "packages/cli/test/actions/queue.property.test.ts",
  "packages/sink-opensearch/test/routing.integration.test.ts",
  "packages/core/test/item-queue.property.test.ts",
  "packages/cdk/test/workflow/bundled.test.ts",
  "packages/workflow/test/backfill/distributed-backfill.integration.test.ts",
  "packages/core/test/dedupe.property.test.ts",
  "packages/sink-opensearch/test/ensure.integration.test.ts",
  "packages/cli/test/redrive.integration.test.ts",
  "bench/test/tuning.test.ts",
  "bench/test/bench.test.ts",
  "packages/sink-opensearch/test/pipelines.integration.test.ts",
  "packages/cli/test/lambda.integration.test.ts",
  "packages/sink-postgres/test/shared-rows.test.ts",
  "packages/sink-postgres/test/migration.test.ts",
  "test/alarms/lag.property.test.ts",
  "packages/sink-postgres/test/table-shapes.test.ts",
  "test/console/security.test.ts",
  "packages/inspect/test/doctor/targets.integration.test.ts",
  "packages/sink-postgres/test/child-keys.property.test.ts",
  "packages/sink-opensearch/test/permissions.integration.test.ts",
  "packages/sink-postgres/test/read.test.ts",
  "packages/testing/test/random/history.test.ts",
  "packages/cli/test/payloads.integration.test.ts",
  "packages/sink-dynamodb/test/read.test.ts",
  "packages/dev/test/restart.property.test.ts",
  "test/dedupe-cost.test.ts",
  "test/trace/agreement.test.ts",
  "packages/sink-postgres/test/refusal.test.ts",
  "test/packed-documentation.test.ts",
  "packages/cli/test/holding.integration.test.ts",
  "packages/cli/test/dead-letters.integration.test.ts",
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
