// The plan of an earlier execution: of a run that is continued, or of an attempt to start that is repeated.

import type { PlanParts } from "./plan-options.ts";
import type { RunObjects } from "./run-objects.ts";
import type { Plan, PlanEvent } from "./run-plan.ts";
import type { CopyInput } from "./settings.ts";
import { refused, type TableOfRun, tableOfRun } from "./table-of-run.ts";

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

const storedPlan = async (objects: RunObjects): Promise<Plan | undefined> => {
  const stored = await objects.read("plan.json");
  return stored && (JSON.parse(stored.text) as Plan);
};

/**
 * Returns the plan that an earlier attempt of the same execution has made. Another run of the same name is refused: its units
 * would count as done. State machines that share a bucket may have executions with equal names.
 */
export const repeatedStart = async (
  { mode, pipeline }: PlanParts,
  objects: RunObjects,
  { execution, startedAt }: Pick<PlanEvent, "execution" | "startedAt">,
): Promise<Plan | undefined> => {
  const plan = await storedPlan(objects);
  if (plan === undefined) return undefined;
  if (plan.mode === mode && plan.pipeline === pipeline.name && plan.startedAt === startedAt) return plan;
  const found = `there is a run ${execution} already: a ${plan.mode} of the pipeline ${plan.pipeline}, started at ${plan.startedAt}`;
  throw refused(
    `${found}; expected an execution with another name, or the input {"run":"${execution}"} to continue that run`,
  );
};

/** Loads the plan of an earlier run with its table, and checks that this run may continue it. */
export const continuedRun = async (
  parts: PlanParts,
  objects: RunObjects,
  input: CopyInput,
): Promise<{ readonly plan: Plan; readonly table: TableOfRun }> => {
  const plan = await storedPlan(objects);
  if (plan === undefined) throw refused(`there is no run ${input.run}; expected the name of an earlier execution`);
  checkContinued(parts, plan, input);
  const table = await tableOfRun(await parts.dynamodb.get(), parts.table, plan.run);
  const { streamArn } = table;
  if (streamArn === plan.origin.streamArn) return { plan, table };
  const found = `the run ${plan.run} is of the stream ${plan.origin.streamArn}`;
  throw refused(`${found}; expected the table's present stream ${streamArn}: start a new run`);
};
