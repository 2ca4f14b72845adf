// A run that continues an earlier one, with its plan.

import type { PlanParts } from "./plan-options.ts";
import type { RunObjects } from "./run-objects.ts";
import type { Plan } from "./run-plan.ts";
import type { CopyInput } from "./settings.ts";
import { refused, tableOfRun } from "./table-of-run.ts";

/** A run whose start is older than this cannot be continued, as in the command. */
const maxAgeMs = 14 * 86_400_000;

const checkContinued = ({ mode, table, clock, pipeline }: PlanParts, plan: Plan, input: CopyInput): void => {
  const { source, routes } = plan;
  const expect = (is: unknown, expected: unknown, what: string): void => {
    if (JSON.stringify(is) === JSON.stringify(expected)) return;
    throw refused(`the run ${plan.run} has ${what} ${is}; expected ${expected}, or a new run`);
  };
  expect(plan.mode, mode, "the mode");
  expect(plan.pipeline, pipeline.name, "the pipeline");
  expect(source.table, table, "the table");
  if (input.manifest !== undefined) {
    expect(source.kind === "export" ? source.manifest : "no export", input.manifest, "the manifest");
  }
  if (input.routes !== undefined) expect(routes ?? "all", input.routes, "the routes");
  if (input.segments !== undefined && source.kind === "table") {
    expect(source.segments, input.segments, "a number of segments, which is");
  }
  if (clock.now() - Date.parse(plan.startedAt) <= maxAgeMs) return;
  throw refused(`the run ${plan.run} started at ${plan.startedAt}; expected a start within 14 days, or a new run`);
};

/** Loads the plan of an earlier run, and checks that this run may continue it. */
export const continuedRun = async (parts: PlanParts, objects: RunObjects, input: CopyInput): Promise<Plan> => {
  const stored = await objects.read("plan.json");
  if (stored === undefined) throw refused(`there is no run ${input.run}; expected the name of an earlier execution`);
  const plan = JSON.parse(stored.text) as Plan;
  checkContinued(parts, plan, input);
  const { streamArn } = await tableOfRun(await parts.dynamodb.get(), parts.table, plan.run);
  if (streamArn === plan.origin.streamArn) return plan;
  const found = `the run ${plan.run} is of the stream ${plan.origin.streamArn}`;
  throw refused(`${found}; expected the table's present stream ${streamArn}: start a new run`);
};
