// The function of the stream: environments that crash, sinks that fail, a retry queue, and dead letters that are redriven
// late. Event source mappings of the stream and of the retry queue invoke it.

import { SQS } from "@aws-sdk/client-sqs";
import type { Invoke, TaskAnswer } from "@sluice/backfill";
import { type PipelineHandler, sqsRetryQueue } from "@sluice/core";
import { type Delivery, failed, SinkError, type WriteResult } from "@sluice/core/sink-kit";
import {
  type DynamodbEngine,
  eventSourceMapping,
  type SqsEngine,
  sqsEventSourceMapping,
  streamsClient,
} from "@sluice/local";
import { lambdaContext } from "@sluice/testing";
import { deadLetterQueue } from "../convergence/dead-letter-queue.ts";
import { Crash, type FaultySink, faultySink } from "../convergence/faulty-sink.ts";
import type { Random } from "../convergence/random.ts";
import { type AnySink, pipelineOf, type Replicas, type TargetName, targetNames } from "./targets.ts";

/** The function and its event sources. */
export interface LiveFunction {
  readonly start: () => Promise<void>;
  /** Sends a backfill's records to the function, as `sluice backfill --to lambda` does. */
  readonly invoke: Invoke;
  /** From now on, or no longer, the function loses the records of the stream: it reports success, and writes nothing. */
  readonly loseRecords: (isLosing: boolean) => void;
  /** Resolves when every record of the stream that was written before the call has been delivered. */
  readonly drained: () => Promise<void>;
  /** Redrives some dead letters, and lets late writes arrive. */
  readonly disturb: () => Promise<void>;
  /** Ends all faults, and brings everything that waits to the replicas. */
  readonly finish: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** What happened, to check that a test had something to test. */
  readonly counts: { lost: number; crashes: number; deadLetters: number };
}

const functionTimeoutMs = 10_000;

/** Share of the invocations after which the environment crashes, so that no one gets the answer. */
const crashShare = 0.05;

/** Turns an error with which core rejects deliveries into a transient one. */
const asOutage = (error: unknown): never => {
  throw error instanceof Crash ? new SinkError("SINK_UNAVAILABLE", "[faulty] the connection broke") : error;
};

/** A rejected record of a backfill is not repeated, so the sink fails transiently instead. */
const withoutRejections = (sink: AnySink): AnySink => ({
  ...sink,
  write: async (batch, context) => {
    const isOfBackfill = (batch as readonly Delivery[]).some(({ change }) => change.origin === "backfill");
    const results = await sink.write(batch, context).catch((error: unknown) => {
      if (isOfBackfill) return asOutage(error);
      throw error;
    });
    return results.map((result): WriteResult => {
      const { change } = result.delivery as Delivery;
      const isRejected = result.outcome === "failed" && result.error.code === "SINK_REJECTED";
      if (!isRejected || change.origin !== "backfill") return result;
      return failed(result.delivery, new SinkError("SINK_THROTTLED", "[faulty] the target throttled the entry"));
    });
  },
});

interface FunctionOptions {
  readonly engines: { readonly dynamodb: DynamodbEngine; readonly sqs: SqsEngine };
  readonly name: string;
  readonly streamArn: string;
  readonly replicas: Replicas;
  readonly random: Random;
}

const createQueue = async (sqs: SQS, QueueName: string): Promise<string> => {
  const Attributes = { VisibilityTimeout: String(functionTimeoutMs / 1_000) };
  return (await sqs.createQueue({ QueueName, Attributes })).QueueUrl ?? "";
};

const mostRedrives = 300;

/** Creates the function, and its retry queue. */
export const liveFunction = async (options: FunctionOptions): Promise<LiveFunction> => {
  const { engines, name, streamArn, replicas, random } = options;
  const sqs = new SQS(engines.sqs.clientConfig);
  const retryUrl = await createQueue(sqs, `${name}-retry`);
  const letters = deadLetterQueue(random);
  const counts = { lost: 0, crashes: 0, deadLetters: 0 };
  let isLosing = false;
  let isFaultless = false;
  const faulty = new Map<TargetName, FaultySink<never>>();
  const wrap = (sink: AnySink, target: TargetName): AnySink => {
    const known = faulty.get(target) ?? faultySink(sink, random);
    faulty.set(target, known);
    return withoutRejections(known.sink);
  };
  const retryQueue = sqsRetryQueue({ queueUrl: retryUrl, client: sqs, firstDelaySeconds: 1, maxDelaySeconds: 1 });
  const environment = (): PipelineHandler =>
    pipelineOf(replicas, wrap, letters.deadLetterQueue, {
      retryQueue,
      retry: { maxAttempts: 2, firstDelayMs: 0 },
    }).handler();
  const environments = [environment(), environment()];
  /** Invokes one of the environments. A crash replaces it. */
  const handler: PipelineHandler = async (event, context) => {
    const index = random.integer(environments.length);
    try {
      const answer = await (environments[index] as PipelineHandler)(event, context);
      if (!isFaultless && random.chance(crashShare)) throw new Crash();
      return answer;
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      counts.crashes += 1;
      environments[index] = environment();
      throw error;
    }
  };
  const ignored = (): undefined => undefined;
  const unexpected = (error: unknown): void => {
    if (!(error instanceof Crash)) process.stderr.write(`the live function failed: ${String(error)}\n`);
  };
  const types = { functionResponseTypes: ["ReportBatchItemFailures"], functionTimeoutMs } as const;
  const stream = eventSourceMapping({
    client: streamsClient(engines.dynamodb.endpoint),
    streamArn,
    handler: (event, context) => {
      if (!isLosing) return handler(event, context);
      counts.lost += event.Records.length;
      return Promise.resolve({ batchItemFailures: [] });
    },
    startingPosition: "TRIM_HORIZON",
    batchSize: 25,
    parallelizationFactor: 3,
    pollIntervalMs: 20,
    retryDelayMs: () => 20,
    onFunctionError: unexpected,
    ...types,
  });
  const retries = sqsEventSourceMapping({
    client: sqs,
    queueUrl: retryUrl,
    handler,
    maximumConcurrency: 2,
    pollIntervalMs: 50,
    onFunctionError: unexpected,
    ...types,
  });
  const unlessCrashed = (work: Promise<unknown>): Promise<unknown> =>
    work.catch((error: unknown) => {
      if (!(error instanceof Crash)) throw error;
    });
  const redrive = async (): Promise<void> => {
    if (letters.size() === 0) return;
    counts.deadLetters += 1;
    await unlessCrashed(letters.redrive((event) => handler(event, lambdaContext())));
  };
  return {
    start: async () => {
      await stream.start();
      await retries.start();
    },
    invoke: async (event) => (await handler(event, lambdaContext())) as unknown as TaskAnswer,
    loseRecords: (now) => {
      isLosing = now;
    },
    drained: () => stream.drained(),
    disturb: async () => {
      await redrive();
      const some = random.some(targetNames, 0.5);
      await Promise.all(some.map((target) => faulty.get(target)?.releaseLateWrites()));
    },
    finish: async () => {
      for (const one of faulty.values()) one.stopFaults();
      letters.stopFaults();
      isFaultless = true;
      await stream.drained();
      await retries.drained();
      for (let redrives = 0; letters.size() > 0; redrives += 1) {
        if (redrives === mostRedrives) throw new Error(`dead letters were left after ${mostRedrives} redrives`);
        await redrive();
      }
      await Promise.all([...faulty.values()].map((one) => one.releaseLateWrites()));
    },
    stop: async () => {
      await stream.stop().catch(ignored);
      await retries.stop().catch(ignored);
      sqs.destroy();
    },
    counts,
  };
};
