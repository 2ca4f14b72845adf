// The worker of a backfill. It reads the pages of one unit, and hands the records to the pipeline's handler in the same
// process.

import {
  addCounts,
  exportSource,
  type Invoke,
  type ItemSource,
  noCounts,
  type Pace,
  pacedSource,
  type RecordFailure,
  scanSource,
  type TaskAnswer,
  type WorkCounts,
  work,
} from "@sluice/backfill";
import type { Pipeline } from "@sluice/core";
import { checkOptionNames, checkWhole, type InvocationContext } from "@sluice/core/sink-kit";
import { type CopyClients, checkCopyClients, dynamodbConnection, s3Connection } from "./clients.ts";
import { UnitFailedError, UnitInterruptedError } from "./errors.ts";
import { type LiveLagOptions, liveLagOptionNames, livePace } from "./live-lag.ts";
import { type Turn, type TurnHandler, type TurnOptions, turnHandler, turnOptionNames } from "./turn.ts";
import { unitOf } from "./unit-progress.ts";

/** Options of `backfillWorker`. */
export interface BackfillWorkerOptions extends TurnOptions, LiveLagOptions {
  /** If more records of a unit than this number are rejected, the unit fails, because more may be. Default 100. */
  readonly maxFailures?: number;
  /** Holds the worker back, for example with `items: itemRate(…)`, or with a gate of your own instead of `liveFunction`. */
  readonly pace?: Pace;
  /** Your own clients. By default, clients of the SDK with default settings are loaded when they are needed. */
  readonly clients?: CopyClients;
}

/** The part of a pipeline that a worker needs. */
export type WorkerPipeline = Pick<Pipeline<never>, "name" | "handler" | "targets">;

interface Connections {
  readonly dynamodb: ReturnType<typeof dynamodbConnection>;
  readonly s3: ReturnType<typeof s3Connection>;
}

const sourceFor = async ({ plan, rate }: Turn<WorkCounts>, { dynamodb, s3 }: Connections): Promise<ItemSource> => {
  const { source, origin } = plan;
  if (source.kind === "export") {
    return exportSource({ client: await s3.get(), manifest: source.manifest, origin });
  }
  const { table, segments, asOf } = source;
  return scanSource({ client: await dynamodb.get(), table, origin, asOf, segments, rate });
};

/** Calls the pipeline's handler with the context of the worker, so that the handler knows the remaining time. */
export const inProcess = (
  handler: ReturnType<WorkerPipeline["handler"]>,
  context: InvocationContext | undefined,
): Invoke => {
  return async (event) => (await handler(event, context)) as unknown as TaskAnswer;
};

/** The codes of failures with their numbers, as `2 SINK_TIMEOUT, 1 SINK_CONFLICT`, and the text of the first failure. */
const codesOf = (failures: readonly RecordFailure[]): string => {
  const numbers = new Map<string, number>();
  for (const { code } of failures) numbers.set(code, (numbers.get(code) ?? 0) + 1);
  const codes = [...numbers].map(([code, number]) => `${number} ${code}`).join(", ");
  return `${codes}; the first: ${failures[0]?.message}`;
};

/** The page is repeated: a record that is not written because the target is away must not be left behind. */
const refuseRetried = async (failures: readonly RecordFailure[]): Promise<void> => {
  const retried = failures.filter(({ kind }) => kind === "retried");
  if (retried.length === 0) return;
  throw new UnitInterruptedError(`${retried.length} records could not be written: ${codesOf(retried)}`);
};

/** What a worker does with each unit. */
interface Copying {
  readonly source: ItemSource;
  readonly invoke: Invoke;
  readonly maxFailures: number;
}

/** Works on a unit until it is done, or until the time is over. */
const copy = async (turn: Turn<WorkCounts>, { source, invoke, maxFailures }: Copying): Promise<void> => {
  const { plan, item, open, isOver, isCheckpointDue, over } = turn;
  let { counts } = open.progress();
  let cursor = open.progress().cursor as string | undefined;
  let failures: RecordFailure[] = [];
  const checkpoint = async (isDone: boolean): Promise<void> => {
    await open.save({ cursor, counts, isDone }, failures);
    failures = [];
  };
  const { isDone } = await work({
    source,
    unit: unitOf(item),
    after: cursor,
    invoke,
    signal: over,
    isOver,
    limits: { maxBytes: Number.POSITIVE_INFINITY },
    ...(plan.routes !== undefined && { routes: plan.routes }),
    onFailures: refuseRetried,
    onPage: async (page) => {
      const sum = addCounts(counts, page.counts);
      if (sum.rejected > maxFailures) {
        // The page does not count: after the cause was mended, the run may be continued here.
        await checkpoint(false);
        const found = `${sum.rejected} records of the unit were rejected`;
        throw new UnitFailedError(
          `${found}; expected at most ${maxFailures}. Of the last page: ${codesOf(page.failures)}`,
        );
      }
      counts = sum;
      cursor = page.cursor;
      failures.push(...page.failures);
      if (isCheckpointDue()) await checkpoint(false);
    },
  });
  await checkpoint(isDone);
};

/**
 * Creates the handler of a backfill's worker: a function of its own, with a timeout of 15 minutes. It reads the table or the
 * export, and writes the targets of the pipeline. `backfillWorker` itself makes no request.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong, or when the pipeline has no route.
 */
export const backfillWorker = (pipeline: WorkerPipeline, options: BackfillWorkerOptions = {}): TurnHandler => {
  checkOptionNames("backfillWorker", options, {
    ...turnOptionNames,
    ...liveLagOptionNames,
    maxFailures: true,
    pace: true,
    clients: true,
  });
  checkCopyClients("backfillWorker", options.clients);
  const { maxFailures = 100, pace: own = {}, clients = {}, logger, clock } = options;
  checkWhole("maxFailures", maxFailures, [0, Number.MAX_SAFE_INTEGER]);
  const pace = livePace(options, { pace: own, clients, logger, clock });
  const handler = pipeline.handler();
  const connections = { dynamodb: dynamodbConnection(clients.dynamodb), s3: s3Connection(clients.s3) };
  return turnHandler(options, connections.s3, noCounts, async (turn) => {
    const source = pacedSource(await sourceFor(turn, connections), pace);
    await copy(turn, { source, invoke: inProcess(handler, turn.context), maxFailures });
    return 0;
  });
};
