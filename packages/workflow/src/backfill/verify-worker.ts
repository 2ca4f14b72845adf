// The worker of a verify. It compares a segment of the table, or a part of a target's copies, with the other side, and looks
// again at what differs. While it waits for the second look, the state machine waits, and no function runs.

import {
  addTallies,
  type Finding,
  scanSource,
  tableReader,
  type VerifyOptions,
  type VerifyState,
  type VerifyTally,
  type VerifyUnit,
  verifyUnit,
} from "@sluice/backfill";
import { checkOptionNames, checkWhole, systemClock } from "@sluice/core/sink-kit";
import { inProcess, type WorkerPipeline } from "./backfill-worker.ts";
import { type CopyClients, checkCopyClients, dynamodbConnection, s3Connection } from "./clients.ts";
import { refused } from "./table-of-run.ts";
import { type Turn, type TurnHandler, type TurnOptions, turnHandler, turnOptionNames } from "./turn.ts";

/** Options of `verifyWorker`. */
export interface VerifyWorkerOptions
  extends TurnOptions,
    Pick<VerifyOptions, "sample" | "graceMs" | "lag" | "deadLetters" | "showValues"> {
  /** Whether to repair what differs, through the pipeline's handler. Default false. */
  readonly repairs?: boolean;
  /** Number of differences of a unit with which it fails, because a repair is the wrong tool. Default 10,000. */
  readonly maxSuspects?: number;
  /** Your own clients. By default, clients of the SDK with default settings are loaded when they are needed. */
  readonly clients?: CopyClients;
}

/** Counts of a unit of a verify. */
export interface VerifyCounts {
  readonly items: number;
  readonly readUnits: number;
  readonly tally: VerifyTally;
}

/** The counts of nothing. */
export const noVerifyCounts: VerifyCounts = { items: 0, readUnits: 0, tally: {} };

/** Adds two counts. */
export const addVerifyCounts = (one: VerifyCounts, other: VerifyCounts): VerifyCounts => ({
  items: one.items + other.items,
  readUnits: one.readUnits + other.readUnits,
  tally: addTallies(one.tally, other.tally),
});

/** Verifies a unit until it is done, has to wait, or the time is over. Resolves with the seconds to wait. */
const verify = async (
  { item, open, isOver, isCheckpointDue }: Turn<VerifyCounts>,
  options: VerifyOptions,
  now: () => number,
): Promise<number> => {
  const unit = item as VerifyUnit;
  // Never aborts: a look that was broken off after a repair would forget the repair.
  const { signal } = new AbortController();
  for (;;) {
    const { cursor, counts } = open.progress();
    const state = cursor as VerifyState | undefined;
    const isReading = state?.isRead !== true;
    const request = { unit, signal, waits: false, ...(state !== undefined && { state }) };
    const answer = await verifyUnit(options, {
      ...request,
      isOver: () => isOver() || (isReading && isCheckpointDue()),
    });
    const { isDone, items, readUnits, tally, findings, dueAt } = answer;
    const sum = addVerifyCounts(counts, { items, readUnits, tally });
    await open.save({ cursor: answer.state, counts: sum, isDone }, findings satisfies readonly Finding[]);
    const waitMs = dueAt === undefined ? 0 : dueAt - now();
    if (isDone || isOver() || waitMs > 0) return isDone ? 0 : Math.max(0, Math.ceil(waitMs / 1_000));
  }
};

/**
 * Creates the handler of a verify's worker: a function of its own, with a timeout of 15 minutes. It reads the table and the
 * targets of the pipeline, and writes nothing without the option `repairs`. `verifyWorker` itself makes no request.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong, or when the pipeline has no route.
 */
export const verifyWorker = (pipeline: WorkerPipeline, options: VerifyWorkerOptions = {}): TurnHandler => {
  const names = { sample: true, graceMs: true, lag: true, deadLetters: true, showValues: true } as const;
  checkOptionNames("verifyWorker", options, {
    ...turnOptionNames,
    ...names,
    repairs: true,
    maxSuspects: true,
    clients: true,
  });
  checkCopyClients("verifyWorker", options.clients);
  const { repairs = false, maxSuspects = 10_000, clients = {}, clock = systemClock, graceMs = 60_000 } = options;
  const { sample, lag, deadLetters, showValues } = options;
  checkWhole("maxSuspects", maxSuspects, [0, 1_000_000]);
  checkWhole("graceMs", graceMs, [0, 86_400_000]);
  const handler = pipeline.handler();
  const dynamodb = dynamodbConnection(clients.dynamodb);
  return turnHandler(options, s3Connection(clients.s3), noVerifyCounts, async (turn) => {
    const { plan, rate, context } = turn;
    const { source, origin, keyTypes, routes } = plan;
    if (source.kind !== "table") throw refused("the plan is of an export; expected a plan of verifyPlan");
    const client = await dynamodb.get();
    const { table, segments, asOf } = source;
    const scan = scanSource({ client, table, origin, asOf, segments, rate });
    const verifyOptions: VerifyOptions = {
      ...{
        targets: pipeline.targets(),
        source: scan,
        table: tableReader({ client, table, keyNames: origin.keyNames, rate }),
        origin,
        keyTypes,
      },
      ...{ graceMs, maxSuspects, clock },
      ...(routes !== undefined && { routes }),
      ...(sample !== undefined && { sample }),
      ...(lag !== undefined && { lag }),
      ...(deadLetters !== undefined && { deadLetters }),
      ...(showValues !== undefined && { showValues }),
      ...(repairs && { repair: inProcess(handler, context) }),
    };
    return verify(turn, verifyOptions, clock.now);
  });
};
