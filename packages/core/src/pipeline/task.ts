// A task that a program asks for: a dry run, a backfill or a replay. A redrive runs like an event of a queue.

import type { StoreDeadLetters } from "../delivery/dead-letters.ts";
import { sharedRoutes } from "../delivery/route.ts";
import { type RouteWorker, routeWorker } from "../delivery/route-worker.ts";
import type { Task } from "../intake/event.ts";
import type { Invocation } from "../intake/invocation.ts";
import { invalid, type PipelineSettings } from "./options.ts";
import { publishReport } from "./publish-report.ts";
import { countAll, countOutcomes, logRetried } from "./report.ts";
import type { BatchResponse } from "./response.ts";
import { dryRunRoute, messageOutcomes, uncheckedRoutes } from "./task-answer.ts";

/** A pipeline's settings, and its workers for tasks. */
export interface TaskSettings extends PipelineSettings {
  /** The routes' workers for backfills and replays. Their failures go to no queue, because the program gets them. */
  readonly taskWorkers: readonly RouteWorker[];
}

/** Names of a pipeline's routes, in their order. */
export const routeNames = ({ routes }: Pick<PipelineSettings, "routes">): string[] => routes.map(({ name }) => name);

/** Creates the workers whose failures are answered, and fill no queue. */
export const taskWorkers = (settings: PipelineSettings): readonly RouteWorker[] => {
  const withoutQueues = { ...settings, writeRetries: undefined, storeDeadLetters: undefined };
  return sharedRoutes(settings.routes).map((route) => routeWorker({ ...route, retryIn: "stream" }, withoutQueues));
};

/**
 * Returns those that belong to the routes that a task names; all of them if it names no routes.
 * @throws {ConfigError} CONFIG_INVALID when the pipeline has no route with a name.
 */
const namedBy = <Named extends { readonly name: string }>(
  all: readonly Named[],
  { routes }: Task,
  pipeline: string,
): readonly Named[] => {
  if (routes === undefined) return all;
  const known = all.map(({ name }) => name);
  const unknown = Array.isArray(routes) ? routes.find((route) => !known.includes(route)) : typeof routes;
  if (unknown !== undefined) {
    const expected = `expected a list with names of its routes: ${known.join(", ")}`;
    throw invalid(`[${pipeline}] sluice.routes of the event has ${JSON.stringify(unknown)}; ${expected}`);
  }
  return all.filter(({ name }) => routes.includes(name));
};

/** Returns the outcomes that the messages would have. Writes, notes and logs nothing. */
export const dryRun = async (settings: TaskSettings, invocation: Invocation, task: Task): Promise<BatchResponse> => {
  const storeDeadLetters: StoreDeadLetters = async (letters) => new Set(letters);
  const withoutEffects = { ...settings, dedupeStore: undefined, writeRetries: undefined, storeDeadLetters };
  const asked = namedBy(sharedRoutes(settings.routes), task, settings.name);
  const workers = asked.map((route) => routeWorker(dryRunRoute(route), withoutEffects));
  const routes = await Promise.all(workers.map((worker) => worker.deliver(invocation)));
  const outcomes = messageOutcomes(invocation, routes, uncheckedRoutes(settings.routes));
  return { batchItemFailures: [], outcomes, routes: routeNames(settings) };
};

/**
 * Delivers the records of a backfill or a replay. The program that sent them gets every outcome, and repeats what failed.
 * So no failure goes to a queue: a wrong mapper would fill it with the whole table.
 */
export const runTask = async (
  settings: TaskSettings,
  invocation: Invocation,
  task: Task,
  requestId: string | undefined,
): Promise<BatchResponse> => {
  const { name } = settings;
  const workers = namedBy(settings.taskWorkers, task, name);
  const runs = await Promise.all(workers.map(async (worker) => ({ worker, result: await worker.deliver(invocation) })));
  const routes = runs.map(({ result }) => result);
  const outcomes = messageOutcomes(invocation, routes);
  // The program sends the failed records again, and after a crash all records of the event.
  if (outcomes.some(({ outcome }) => outcome === "retried")) {
    await Promise.all(runs.map(({ worker, result }) => worker.noteSettled(result, 0, invocation)));
  }
  logRetried(settings, routes);
  publishReport(settings, countAll(name, invocation, runs, new Map()), { invocation, routes, requestId });
  const counts = Object.fromEntries(routes.map((route) => [route.route, countOutcomes(route)]));
  return { batchItemFailures: [], outcomes, counts, routes: routeNames(settings) };
};
