// Works on a run of a backfill in its own process, as `sluice backfill` does: pipeline and sinks are its own. The process
// kills or pauses itself at some step. The parent process says when to begin.

import { DynamoDB } from "@aws-sdk/client-dynamodb";
import {
  backfill,
  checkResume,
  fileStore,
  newRun,
  RunTakenError,
  scanSource,
  type TaskAnswer,
  tableStore,
  tableTime,
} from "@sluice/backfill";
import { failed, SinkError, type WriteResult } from "@sluice/core/sink-kit";
import { lambdaContext } from "@sluice/testing";
import { randomOf } from "../convergence/random.ts";
import { patient } from "./frozen-runs.ts";
import type { WorkerSettings } from "./killed-runs.ts";
import { smallPages } from "./small-pages.ts";
import { type AtStep, withSteps } from "./steps.ts";
import { type AnySink, openReplicas, pipelineName, pipelineOf } from "./targets.ts";

const settings = JSON.parse(process.argv[2] ?? "") as WorkerSettings;
const { places, table, tableArn, streamArn, routes, run, segments, pageItems, death } = settings;
const random = randomOf(settings.seed);

const send = (message: object): Promise<void> =>
  new Promise((resolve, reject) => {
    process.send?.(message, (error: Error | null) => (error ? reject(error) : resolve()));
  });

/** Ends the process at a step, or soon after it, for example in the middle of a write. Or pauses it. */
const die = async (): Promise<void> => {
  if (death.kind === "kill") {
    setTimeout(() => process.kill(process.pid, "SIGKILL"), random.integer(12));
    return;
  }
  await send({ paused: true });
  process.kill(process.pid, "SIGSTOP");
};

let steps = 0;
const atStep: AtStep = async () => {
  steps += 1;
  if (steps === death.atStep) await die();
};

/** Transient faults: before or after a write, and in part. */
const flaky = (sink: AnySink): AnySink => ({
  ...sink,
  write: async (batch, context): Promise<readonly WriteResult[]> => {
    const error = new SinkError("SINK_THROTTLED", "[flaky] throttled");
    if (random.chance(0.1)) throw new SinkError("SINK_UNAVAILABLE", "[flaky] the connection was refused");
    const failing = new Set(random.chance(0.15) ? random.some(batch, 0.4) : []);
    const results = await sink.write(
      batch.filter((delivery) => !failing.has(delivery)),
      context,
    );
    if (random.chance(0.1)) throw new SinkError("SINK_TIMEOUT", "[flaky] the answer was lost");
    return [...results, ...[...failing].map((delivery) => failed(delivery, error))];
  },
});

const client = new DynamoDB(places.dynamodb);
const store =
  settings.store.kind === "file"
    ? fileStore({ path: settings.store.path, run })
    : tableStore({ client: client as never, table: settings.store.table, run });

const noQueue = async (): Promise<never> => {
  throw new Error("a backfill filled the dead-letter queue");
};

const work = async (): Promise<void> => {
  const replicas = await openReplicas(places);
  const handler = pipelineOf(replicas, flaky, { write: noQueue }).handler();
  const sourceOf = (asOf: string) =>
    scanSource({
      client: smallPages(client, pageItems) as never,
      table,
      origin: { run, streamArn, keyNames: ["pk", "sk"] },
      asOf,
      segments,
    });
  const subject = { pipeline: pipelineName, source: sourceOf("").name, tableArn, streamArn, routes };
  await send({ ready: true });
  await new Promise((resolve) => process.once("message", resolve));
  const found = await store.open();
  if (found !== undefined) checkResume(found, subject, Date.now());
  const asOf = found?.asOf ?? (await tableTime({ client, table }));
  const source = sourceOf(asOf);
  const state = found ?? newRun(run, subject, { asOf, now: Date.now(), units: await source.units() });
  const invoke = async (event: unknown): Promise<TaskAnswer> =>
    (await handler(event, lambdaContext())) as unknown as TaskAnswer;
  const { isDone } = await backfill({
    ...withSteps({ source, invoke, store }, atStep),
    ...patient,
    state,
    signal: new AbortController().signal,
    onFailures: async (failures) => {
      throw new Error(`${failures.length} records failed: ${JSON.stringify(failures[0])}`);
    },
  });
  await store.close();
  await send({ isDone, steps });
};

// The parent process has exited, so this process must exit too.
process.on("disconnect", () => process.exit());
try {
  await work();
  process.exit(0);
} catch (error) {
  if (error instanceof RunTakenError) await send({ isTaken: true });
  else process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(error instanceof RunTakenError ? 0 : 1);
}
