// Writes a large batch as two halves at once, each on a connection of its own: while the server executes one half, the
// sink encodes the other. Decision 0086 has the rules.
//
// A refusal of a half may be the other half's doing: a unique value moves between them, a row refers to a row of the other
// half, or both wait for each other. So each half is only tried. What Postgres refused is written again as one batch when
// both halves have ended, and only this second write rejects rows.

import { failed, halves, orSinkError, SinkError, type UpsertDelivery, type WriteResult } from "@sluice/core/sink-kit";
import { concernsServer } from "../classify.ts";
import type { PostgresPool } from "../client/pool.ts";
import { withoutResult } from "./batch.ts";
import type { WritePlan } from "./plan.ts";
import { errorOfTarget, passedBy } from "./send-rows.ts";
import { type BatchCall, tryBatch, writeBatch } from "./write-batch.ts";

type Batch = readonly UpsertDelivery<unknown>[];

/** What a write needs to send halves. */
export interface HalvesCall {
  /** Number of deliveries from which a batch is split. */
  readonly splitFrom: number;
  /** The plan, if an earlier write has made it. The first write is not split: both halves would read the catalogue. */
  readonly plan: () => WritePlan | undefined;
  readonly pool: () => Promise<PostgresPool>;
  /** Calls `use` with a connection of the pool, then gives it back. */
  readonly lend: <Value>(use: (call: BatchCall) => Promise<Value>) => Promise<Value>;
}

/** Returns how many connections the pool can lend now. 1 if the pool does not say. */
export const freeConnections = ({ options, totalCount, idleCount, waitingCount }: PostgresPool): number => {
  const free = (options?.max ?? 1) - ((totalCount ?? 0) - (idleCount ?? 0)) - (waitingCount ?? 0);
  return Number.isFinite(free) ? free : 1;
};

/** Whether the same rows may be written when the other half has ended. Another connection is not free, or its locks are. */
const isRepeated = (error: SinkError): boolean =>
  error.code === "SINK_CONFLICT" || error.code === "SINK_THROTTLED" || !concernsServer(error);

/** Returns the results that are certain after one attempt. A delivery without a result is written again. */
const tryHalf = async (call: HalvesCall, plan: WritePlan, half: Batch): Promise<readonly WriteResult[]> => {
  const tried = await orSinkError(call.lend((lent) => tryBatch(lent, plan, half)));
  const { results, error } = tried instanceof SinkError ? { results: [], error: tried } : tried;
  if (error === undefined || isRepeated(error)) return results;
  return [...results, ...withoutResult(half, results).map((delivery) => failed(delivery, error))];
};

const writeRest = async (call: HalvesCall, rest: Batch, results: readonly WriteResult[]) => {
  const passed = passedBy(results);
  const written = await orSinkError(call.lend((lent) => writeBatch({ ...lent, passed }, rest)));
  return written instanceof SinkError ? rest.map((delivery) => failed(delivery, written)) : written;
};

const writeBoth = async (call: HalvesCall, plan: WritePlan, batch: Batch): Promise<readonly WriteResult[]> => {
  plan.names.startBatch();
  const results = (await Promise.all(halves(batch).map((half) => tryHalf(call, plan, half)))).flat();
  if (results.length < batch.length) {
    const rest = withoutResult(batch, results);
    if (results.length === 0) return call.lend((lent) => writeBatch(lent, rest));
    results.push(...(await writeRest(call, rest, results)));
  }
  const error = errorOfTarget(results);
  if (error !== undefined) throw error;
  return results;
};

/** Writes a batch, as two halves at once if it is large and the pool has two free connections. */
export const writeHalves = async (call: HalvesCall, batch: Batch): Promise<readonly WriteResult[]> => {
  const plan = batch.length < Math.max(2, call.splitFrom) ? undefined : call.plan();
  if (plan === undefined || plan.shared.isKnownToBeNeeded() || freeConnections(await call.pool()) < 2) {
    return call.lend((lent) => writeBatch(lent, batch));
  }
  return writeBoth(call, plan, batch);
};
