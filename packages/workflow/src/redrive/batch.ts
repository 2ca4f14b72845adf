// The function that drains the dead-letter queue. One call is one batch: it takes messages, has them fixed, sends or
// re-publishes them, deletes those that are settled, and does so again until its time is over or the queue has no message
// that this run has not tried. Only counts, and which messages were tried, go back to the state machine.

import { ConfigError, type InvocationContext } from "@sluice/core/sink-kit";
import { type BatchOptions, type BatchParts, batchParts, longestMs } from "./batch-options.ts";
import { type Conclusion, conclude } from "./finish.ts";
import type { Conclude, Concluded } from "./message-result.ts";
import { BrokenPipelineError, wasTooLate } from "../run/errors.ts";
import { type Fixed, fixed } from "./fix.ts";
import { letterOf, type ReadLetter } from "../run/dead-letter.ts";
import { type Pace, paceOf } from "../../../redrive/src/message-rate.ts";
import { openLedger, type Progress, type StopReason } from "../run/progress.ts";
import type { QueueMessage } from "../run/queue.ts";
import { redriveAll } from "./send.ts";
import { republishAll } from "./republish.ts";
import type { Settings } from "../run/settings.ts";

export type RedriveMode = "redrive" | "republish";

/** What the state machine calls the function with. */
export interface BatchEvent {
  readonly mode: RedriveMode;
  /** Id of the execution. */
  readonly run: string;
  /** ISO 8601. Messages that were sent later are not of this run. */
  readonly startedAt: string;
  /** Earlier tries of this batch, which did not report. */
  readonly retries: number;
  readonly settings: Settings;
  readonly progress: Progress;
}

/** The function of the state "Redrive a batch". */
export type BatchHandler = (event: BatchEvent, context?: InvocationContext) => Promise<Progress>;

/** A message is hidden for longer than the invocation that holds it can live. */
const hideMarginSeconds = 30;

/** Kept for the account when the pipeline's function does not answer. */
const accountMs = 3_000;

/** Waits in a row that must find nothing: SQS does not promise that one has asked everywhere. */
const emptyWaits = 2;

/** So many messages in a row, beyond those that this run left, must be none of this run's. */
const othersInARow = 100;

const defaultMaxFailures = 1_000;

/** Messages that are given back when the run ends; more come back by themselves. */
const maxRemembered = 20_000;

/** One invocation. */
interface Batch extends Conclusion {
  readonly parts: BatchParts;
  readonly event: BatchEvent;
  readonly pace: Pace;
  readonly startedAt: number;
  readonly remainingMs: () => number;
  /** How the search for messages goes: waits and messages in a row that were to no purpose. */
  readonly search: { empty: number; others: number };
}

interface End {
  readonly next: Progress["next"];
  readonly reason?: StopReason;
}

const openBatch = (parts: BatchParts, event: BatchEvent, context: InvocationContext | undefined): Batch => {
  const { queue, payloadStore, logger, clock } = parts;
  const startedAt = Date.parse(event.startedAt);
  if (!Number.isFinite(startedAt)) throw new ConfigError("CONFIG_INVALID", "startedAt is no time; expected ISO 8601");
  return {
    parts,
    event,
    queue,
    payloadStore,
    logger,
    ledger: openLedger(event.progress, event.retries),
    hidden: new Map(),
    open: new Map(),
    pace: paceOf(event.settings.ratePerSecond, clock),
    startedAt,
    remainingMs: () => context?.getRemainingTimeInMillis?.() ?? longestMs,
    search: { empty: 0, others: 0 },
  };
};

const limitOf = ({ ledger, event: { settings } }: Batch): End | undefined => {
  if (ledger.remaining() >= (settings.maxFailures ?? defaultMaxFailures))
    return { next: "stopped", reason: "failures" };
  if (ledger.counts().received >= (settings.maxMessages ?? Number.POSITIVE_INFINITY)) {
    return { next: "stopped", reason: "messages" };
  }
  return undefined;
};

/** Waits for the pace. False: there is no time for another chunk. */
const hasTime = async ({ parts, pace, remainingMs }: Batch): Promise<boolean> => {
  const waitMs = pace.waitMs();
  if (remainingMs() - waitMs < parts.reserveMs) return false;
  if (waitMs > 0) await parts.clock.sleep(waitMs, new AbortController().signal);
  return true;
};

const receive = async (batch: Batch): Promise<readonly QueueMessage[]> => {
  const { parts, pace, event, ledger, hidden } = batch;
  const left = (event.settings.maxMessages ?? Number.POSITIVE_INFINITY) - ledger.counts().received;
  const messages = await parts.queue.receive({
    count: Math.min(parts.chunkSize, pace.most, left),
    hideSeconds: Math.ceil(batch.remainingMs() / 1_000) + hideMarginSeconds,
    waitSeconds: parts.pollSeconds,
  });
  for (const message of messages) {
    if (hidden.size < maxRemembered) hidden.set(message.id, { ...message, body: "" });
  }
  return messages;
};

/** Notes what a receive has brought. True: nothing is left that this run has not tried. */
const isOver = ({ search, ledger }: Batch, received: number, ours: number): boolean => {
  search.empty = received === 0 ? search.empty + 1 : 0;
  search.others = ours > 0 ? 0 : search.others + received;
  return search.empty >= emptyWaits || search.others >= ledger.tried.size() + othersInARow;
};

/** What the fix leaves to be sent; the rest is concluded. */
const afterFix = async (batch: Batch, messages: readonly QueueMessage[]): Promise<readonly ReadLetter[]> => {
  const { parts, event } = batch;
  const letters = messages.map(letterOf);
  if (parts.fix === undefined && event.mode === "redrive")
    return letters.map((letter) => ({ ...letter, record: undefined }));
  const all = await fixed(letters, { ...parts, remainingMs: batch.remainingMs });
  await conclude(batch, all.flatMap(concludedByFix));
  return all.filter((one) => "message" in one);
};

const concludedByFix = (one: Fixed): Concluded[] => {
  if ("message" in one) return [];
  return ["code" in one ? one : { letter: one.letter, settled: "dropped" }];
};

/** Sends letters where the mode says. */
const send = async (batch: Batch, letters: readonly ReadLetter[]): Promise<void> => {
  const { parts, event } = batch;
  const { pipeline, table } = parts;
  const concluding: Conclude = (some) => conclude(batch, some);
  if (event.mode === "republish") {
    if (table === undefined) throw new ConfigError("CONFIG_INVALID", 'mode "republish" needs the option "tableName"');
    return republishAll(table, letters, { run: event.run, conclude: concluding });
  }
  if (pipeline === undefined) {
    throw new ConfigError("CONFIG_INVALID", 'mode "redrive" needs the option "pipelineFunction"');
  }
  const signal = AbortSignal.timeout(Math.max(1, batch.remainingMs() - accountMs));
  return redriveAll(pipeline, letters, { conclude: concluding, signal });
};

const bySentAt = (a: QueueMessage, b: QueueMessage): number => a.sentAt - b.sentAt;

/** Takes up one chunk of messages. True: it was the last. */
const takeUp = async (batch: Batch): Promise<boolean> => {
  const messages = await receive(batch);
  const ours = messages.filter(({ id, sentAt }) => sentAt <= batch.startedAt && !batch.ledger.tried.has(id));
  if (isOver(batch, messages.length, ours.length)) return true;
  if (ours.length === 0) return false;
  for (const message of ours) batch.open.set(message.id, message);
  batch.pace.spend(ours.length);
  const letters = await afterFix(batch, ours.sort(bySentAt));
  if (letters.length > 0) await send(batch, letters);
  return false;
};

/**
 * What follows from an error: a batch that has something to report does so, and the next one meets the error again; one
 * that has not fails, so that the state machine waits before it tries again.
 */
const endBy = async (batch: Batch, error: unknown): Promise<End> => {
  // A function that took too long may still be at work on them: they come back when their time is over.
  if (!wasTooLate(error)) await batch.queue.release([...batch.open.values()]);
  batch.logger.warn("batch interrupted", { run: batch.event.run, reason: String(error) });
  if (error instanceof BrokenPipelineError) return { next: "stopped", reason: "pipeline" };
  if (batch.ledger.counts().received > batch.event.progress.counts.received) return { next: "more" };
  throw error;
};

const run = async (batch: Batch): Promise<End> => {
  for (let isFirst = true; ; isFirst = false) {
    const limit = limitOf(batch);
    if (limit !== undefined) return limit;
    if (!isFirst && !(await hasTime(batch))) return { next: "more" };
    try {
      if (await takeUp(batch)) return { next: "done" };
    } catch (error) {
      return endBy(batch, error);
    }
  }
};

/**
 * The function of the state "Redrive a batch". Its timeout is the length of a batch: five minutes are a good one. Does no
 * I/O before it is called.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong or missing, by name.
 */
export const batchHandler = (options: BatchOptions = {}): BatchHandler => {
  const parts = batchParts(options);
  return async (event, context) => {
    const batch = openBatch(parts, event, context);
    const { next, reason } = await run(batch);
    // What is left shows at once when the run ends; between batches it stays hidden, and out of the way.
    if (next !== "more") await batch.queue.release([...batch.hidden.values()]);
    return batch.ledger.close(next, reason);
  };
};
