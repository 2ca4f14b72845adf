// A redrive in memory, with a real pipeline.

import { type PipelineHandler, pipeline } from "@sluice/core";
import type { Clock } from "@sluice/core/sink-kit";
import { lambdaContext, type MemoryUpsertSink, memoryUpsertSink } from "@sluice/testing";
import {
  type BatchEvent,
  type BatchHandler,
  type BatchOptions,
  batchHandler,
  type LambdaClient,
  type Progress,
  type RunSettings,
} from "../src/index.ts";
import { noProgress } from "../src/redrive/progress.ts";
import { type MemoryQueue, memoryQueue, queueUrl, startMs } from "./memory-queue.ts";

export interface Line {
  readonly level: "info" | "warn";
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A logger that keeps its lines. */
export const keptLines = () => {
  const lines: Line[] = [];
  const at = (level: Line["level"]) => (message: string, fields: Record<string, unknown>) => {
    lines.push({ level, message, fields });
  };
  return { lines, info: at("info"), warn: at("warn") };
};

export const silent = { info: () => undefined, warn: () => undefined };

/** A response of Lambda's API. */
export type Answer = Awaited<ReturnType<LambdaClient["invoke"]>>;

export const payloadOf = (value: unknown): Uint8Array => new Uint8Array(Buffer.from(JSON.stringify(value) ?? ""));

/** The response of Lambda's API if the function has thrown an error. */
export const functionError = (errorType: string): Answer => ({
  FunctionError: "Unhandled",
  Payload: payloadOf({ errorType, errorMessage: "", trace: [] }),
});

/** Calls a handler with parsed JSON, and returns its response as JSON, like Lambda's API. */
export const invoking = (handler: PipelineHandler): LambdaClient["invoke"] => {
  return async ({ Payload }) => ({ Payload: payloadOf(await handler(JSON.parse(Payload), lambdaContext())) });
};

/** A pipeline "orders" with a target in memory. The mapper refuses orders with `bad: true`. */
export const orders = (): { target: MemoryUpsertSink<unknown>; handler: PipelineHandler } => {
  const target = memoryUpsertSink<unknown>({ name: "copy" });
  const handler = pipeline("orders", { onReject: "block", logger: silent, retry: { maxAttempts: 1 } })
    .to<unknown, "upsert">(target, ({ after }) => {
      if (after.bad === true) throw new Error("bad");
      return after;
    })
    .handler();
  return { target, handler };
};

export interface RigOptions extends Omit<BatchOptions, "queueUrl" | "clock"> {
  readonly invoke?: LambdaClient["invoke"];
  /** Timeout of an invocation in milliseconds. Default: 300,000. */
  readonly timeoutMs?: number;
}

export interface Rig {
  readonly queue: MemoryQueue;
  readonly target: MemoryUpsertSink<unknown>;
  readonly handler: PipelineHandler;
  readonly clock: Clock;
  readonly lines: Line[];
  /** Number of messages in each request to the pipeline's function. */
  readonly requests: number[];
  readonly event: (changes?: Partial<BatchEvent>) => BatchEvent;
  /** Runs one batch in a new Lambda environment. */
  readonly batch: (event?: Partial<BatchEvent>) => Promise<Progress>;
  /** Like the state machine, runs batches until the run ends. */
  readonly run: (settings?: RunSettings, mode?: BatchEvent["mode"]) => Promise<Progress>;
}

export const rig = ({ invoke, timeoutMs = 300_000, ...options }: RigOptions = {}): Rig => {
  const queue = memoryQueue();
  const { target, handler } = orders();
  const { lines, ...logger } = keptLines();
  const requests: number[] = [];
  const clock: Clock = {
    now: queue.now,
    sleep: async (ms, signal) => {
      if (!signal.aborted && ms < 1_000_000) queue.advance(ms);
    },
    random: () => 0,
  };
  const lambda: LambdaClient = {
    invoke: (input, given) => {
      requests.push(JSON.parse(input.Payload).Records?.length);
      return (invoke ?? invoking(handler))(input, given);
    },
  };
  const event = (changes: Partial<BatchEvent> = {}): BatchEvent => ({
    mode: "redrive",
    run: "arn:aws:states:eu-west-1:123456789012:execution:redrive:1",
    startedAt: new Date(startMs).toISOString(),
    retries: 0,
    settings: {},
    progress: noProgress,
    ...changes,
  });
  const newHandler = (): BatchHandler =>
    batchHandler({
      pipelineFunction: "orders",
      logger,
      clock,
      queueUrl,
      ...options,
      clients: { sqs: queue.client, lambda, ...options.clients },
    });
  const batch = (changes?: Partial<BatchEvent>): Promise<Progress> => {
    const endsAt = queue.now() + timeoutMs;
    return newHandler()(event(changes), lambdaContext({ remainingMs: () => endsAt - queue.now() }));
  };
  const run = async (settings: RunSettings = {}, mode: BatchEvent["mode"] = "redrive"): Promise<Progress> => {
    let progress = noProgress;
    do progress = await batch({ settings, mode, progress });
    while (progress.next === "more" && progress.batches < 100);
    return progress;
  };
  return { queue, target, handler, clock, lines, requests, event, batch, run };
};
