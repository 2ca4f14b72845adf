// The batch function empties the dead-letter queue. It receives messages, applies the fix, sends or republishes the
// dead letters, and deletes the done messages. A batch ends when its time is over, or when every message was attempted.
// The function returns only counts, and hashes of the ids of attempted messages.

import { ConfigError, type InvocationContext } from "@sluice/core/sink-kit";
import { BrokenFunctionError, type MessageRate, messageRate } from "@sluice/redrive";
import { type BatchOptions, type BatchParts, batchParts, maxTimeoutMs } from "./batch-options.ts";
import { type DeadLetterWithRecord, deadLetterIn } from "./dead-letter.ts";
import { isTimeout } from "./errors.ts";
import { type BatchState, finish } from "./finish.ts";
import { applyFix } from "./fix.ts";
import type { MessageResult } from "./message-result.ts";
import { batchCounts, type Progress, type StopReason } from "./progress.ts";
import type { QueueMessage } from "./queue.ts";
import { republishAll } from "./republish.ts";
import { deadLetterSender, type SendDeadLetters } from "./send.ts";
import type { RedriveMode, RunSettings } from "./settings.ts";

/** The event that the state machine sends. */
export interface BatchEvent {
  readonly mode: RedriveMode;
  /** Id of the state machine's execution. */
  readonly run: string;
  /** Start of the run (ISO 8601). This run ignores messages that arrived in the queue later. */
  readonly startedAt: string;
  /** Number of earlier attempts of this batch. All of these attempts failed without a result. */
  readonly retries: number;
  readonly settings: RunSettings;
  readonly progress: Progress;
}

/** The function of the state "Redrive a batch". */
export type BatchHandler = (event: BatchEvent, context?: InvocationContext) => Promise<Progress>;

/** Safety margin in seconds: messages stay hidden for this time after the latest possible end of the invocation. */
const visibilityMarginSeconds = 30;

/** Milliseconds that are reserved for returning the counts. Calls of the pipeline's function must end earlier. */
const reportMs = 3_000;

/** The run ends after this number of empty receives in a row. SQS may return nothing once although messages exist. */
const maxEmptyReceives = 2;

/** The run ends after this many skipped messages in a row. Each attempted message left in the queue adds 1. */
const maxForeignMessages = 100;

const defaultMaxFailures = 1_000;

/** Maximum number of messages that are released at the run's end. More messages wait for their visibility timeout. */
const maxReleased = 20_000;

/** State of one invocation. */
interface BatchRun extends BatchState {
  readonly parts: BatchParts;
  readonly event: BatchEvent;
  readonly rate: MessageRate;
  readonly startedAt: number;
  readonly remainingMs: () => number;
  readonly send: SendDeadLetters;
  /** `empty`: number of empty receives in a row. `foreign`: number of messages in a row that are not for this run. */
  readonly search: { empty: number; foreign: number };
}

interface BatchEnd {
  readonly next: Progress["next"];
  readonly reason?: StopReason;
}

type Remaining = Pick<BatchRun, "remainingMs">;

const senderOf = (context: BatchState & Remaining, parts: BatchParts, { mode, run }: BatchEvent): SendDeadLetters => {
  const { pipeline, table } = parts;
  const take = (results: readonly MessageResult[]): Promise<void> => finish(context, results);
  if (mode === "republish") {
    if (table === undefined) throw new ConfigError("CONFIG_INVALID", 'mode "republish" needs the option "tableName"');
    return (deadLetters) => republishAll(table, deadLetters, { run, finish: take });
  }
  if (pipeline !== undefined) {
    return deadLetterSender(pipeline, take, () => AbortSignal.timeout(Math.max(1, context.remainingMs() - reportMs)));
  }
  throw new ConfigError("CONFIG_INVALID", 'mode "redrive" needs the option "pipelineFunction"');
};

const openBatch = (parts: BatchParts, event: BatchEvent, context: InvocationContext | undefined): BatchRun => {
  const { queue, payloadStore, logger, clock } = parts;
  const startedAt = Date.parse(event.startedAt);
  if (!Number.isFinite(startedAt)) throw new ConfigError("CONFIG_INVALID", "startedAt must be a time in ISO 8601");
  const remainingMs = (): number => context?.getRemainingTimeInMillis?.() ?? maxTimeoutMs;
  const counts = batchCounts(event.progress, event.retries);
  const finishing = { queue, payloadStore, logger, counts, inFlight: new Map(), pending: new Map(), remainingMs };
  const rate = messageRate(event.settings.ratePerSecond, clock);
  const send = senderOf(finishing, parts, event);
  return { ...finishing, parts, event, rate, startedAt, send, search: { empty: 0, foreign: 0 } };
};

const limitOf = ({ counts, event: { settings } }: BatchRun): BatchEnd | undefined => {
  const { maxFailures = defaultMaxFailures, maxMessages = Number.POSITIVE_INFINITY } = settings;
  if (counts.remaining() >= maxFailures) return { next: "stopped", reason: "failures" };
  return counts.received() >= maxMessages ? { next: "stopped", reason: "messages" } : undefined;
};

/** Waits until the rate limit allows a chunk, and returns true. Returns false at once if the time is too short. */
const hasTime = async ({ parts, rate, remainingMs }: BatchRun): Promise<boolean> => {
  if (remainingMs() - rate.waitMs() < parts.timeoutBufferMs) return false;
  await rate.wait(new AbortController().signal);
  return true;
};

const receive = async (batch: BatchRun): Promise<readonly QueueMessage[]> => {
  const { parts, rate, event, counts, inFlight } = batch;
  const left = (event.settings.maxMessages ?? Number.POSITIVE_INFINITY) - counts.received();
  const messages = await parts.queue.receive({
    maxMessages: Math.min(parts.chunkSize, rate.burst, left),
    visibilityTimeout: Math.ceil(batch.remainingMs() / 1_000) + visibilityMarginSeconds,
    waitSeconds: parts.pollSeconds,
  });
  for (const message of messages) {
    if (inFlight.size < maxReleased) inFlight.set(message.id, { ...message, body: "" });
  }
  return messages;
};

/** Updates `search` after a receive. Returns true if the queue seems to have no more messages for this run. */
const isOver = ({ search, counts }: BatchRun, received: number, own: number): boolean => {
  search.empty = received === 0 ? search.empty + 1 : 0;
  search.foreign = own > 0 ? 0 : search.foreign + received;
  return search.empty >= maxEmptyReceives || search.foreign >= counts.attempted.size() + maxForeignMessages;
};

/** Applies the fix. Returns the dead letters to send. */
const fixAll = async (batch: BatchRun, messages: readonly QueueMessage[]): Promise<readonly DeadLetterWithRecord[]> => {
  const { parts, event } = batch;
  const deadLetters = messages.map(deadLetterIn);
  if (parts.fix === undefined && event.mode === "redrive") {
    return deadLetters.map((deadLetter) => ({ ...deadLetter, record: undefined }));
  }
  const results = await applyFix(deadLetters, { ...parts, remainingMs: batch.remainingMs });
  const droppedOrLeft = results.filter((result) => "deadLetter" in result);
  await finish(batch, droppedOrLeft);
  return results.filter((result) => "message" in result);
};

const bySentAt = (a: QueueMessage, b: QueueMessage): number => a.sentAt - b.sentAt;

/** Redrives one chunk of messages. Returns whether the run is over. */
const redriveChunk = async (batch: BatchRun): Promise<boolean> => {
  const messages = await receive(batch);
  const own = messages.filter(({ id, sentAt }) => sentAt <= batch.startedAt && !batch.counts.attempted.has(id));
  if (isOver(batch, messages.length, own.length)) return true;
  if (own.length === 0) return false;
  for (const message of own) batch.pending.set(message.id, message);
  batch.rate.spend(own.length);
  const deadLetters = await fixAll(batch, own.sort(bySentAt));
  if (deadLetters.length > 0) await batch.send(deadLetters);
  return false;
};

/**
 * Decides how the batch ends after an error. If the batch has counted messages, the batch ends normally, so that the
 * counts are not lost, and another batch follows. Otherwise the batch fails, and the state machine retries it later.
 */
const endAfter = async (batch: BatchRun, error: unknown): Promise<BatchEnd> => {
  // After a timeout, the messages stay hidden, because the pipeline's function may still be processing them.
  if (!isTimeout(error)) await batch.queue.release([...batch.pending.values()]);
  batch.logger.warn("batch interrupted", { run: batch.event.run, reason: String(error) });
  if (error instanceof BrokenFunctionError) return { next: "stopped", reason: "pipeline" };
  if (batch.counts.received() > batch.event.progress.counts.received) return { next: "more" };
  throw error;
};

const run = async (batch: BatchRun): Promise<BatchEnd> => {
  for (let isFirst = true; ; isFirst = false) {
    const limit = limitOf(batch);
    if (limit !== undefined) return limit;
    if (!isFirst && !(await hasTime(batch))) return { next: "more" };
    try {
      if (await redriveChunk(batch)) return { next: "done" };
    } catch (error) {
      return endAfter(batch, error);
    }
  }
};

/**
 * Creates the function of the state "Redrive a batch". A batch takes at most as long as the function's timeout, for
 * which five minutes are a good value. `batchHandler` itself makes no request.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong or missing.
 */
export const batchHandler = (options: BatchOptions = {}): BatchHandler => {
  const parts = batchParts(options);
  return async (event, context) => {
    const batch = openBatch(parts, event, context);
    const { next, reason } = await run(batch);
    // Only the last batch of a run releases messages. After another batch, the next batch would receive them again.
    if (next !== "more") await batch.queue.release([...batch.inFlight.values()]);
    return batch.counts.close(next, reason);
  };
};
