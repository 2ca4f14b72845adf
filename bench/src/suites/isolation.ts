// Measures how a failing sink affects two other sinks. Every run has the same load, which the machine can handle. In
// the first run all three sinks are healthy. In the other runs the third sink refuses writes or hangs.

import { setTimeout as sleep } from "node:timers/promises";
import { SQS } from "@aws-sdk/client-sqs";
import { type Pipeline, pipeline, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import { delivered, type Sink, SinkError, untilAborted } from "@sluice/core/sink-kit";
import { eventSourceMapping, fakeStreams } from "@sluice/local";
import { table } from "../markdown.ts";
import { startMessagingServer } from "../messaging-server.ts";
import { silent } from "../pipeline-handler.ts";
import { rounded } from "../statistics.ts";
import type { Suite } from "../suite.ts";

/** The response of a hanging target: a promise that never settles. */
const noAnswer: Promise<never> = new Promise(() => undefined);

type Mode = "normal" | "refusing" | "hanging";

const changesPerSecond = 500;
const tickMs = 20;
/** The measurement begins after this time, so that the circuit breaker is already open. */
const warmupMs = 20_000;
const measuredMs = 30_000;

interface DeliveryTimes {
  readonly latenciesMs: number[];
  lastAt: number;
}

/** A sink whose target accepts a batch in a few milliseconds. */
const healthySink = (name: string, since: () => number, arrivals: DeliveryTimes): Sink<number, "upsert"> => ({
  name,
  supports: { writes: "upsert" },
  write: async (batch) => {
    await sleep(5);
    const now = performance.now();
    for (const { message } of batch) if (Number(message) >= since()) arrivals.latenciesMs.push(now - Number(message));
    arrivals.lastAt = now;
    return batch.map((delivery) => delivered(delivery));
  },
});

const failingSink = (mode: Mode): Sink<number, "upsert"> => ({
  name: "failing",
  supports: { writes: "upsert" },
  write: async (batch, { signal }) => {
    if (mode === "refusing") throw new SinkError("SINK_UNAVAILABLE", "[failing] connection refused");
    if (mode === "hanging")
      return untilAborted(noAnswer, signal, () => new SinkError("SINK_TIMEOUT", "[failing] no answer"));
    await sleep(5);
    return batch.map((delivery) => delivered(delivery));
  },
});

interface Measured {
  readonly perSecond: number;
  readonly p99Ms: number;
}

const p99 = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
};

/** Appends changes at a constant rate for `ms` milliseconds. Each change contains the time of its creation. */
const makeChanges = async (append: (stamp: number) => void, ms: number): Promise<void> => {
  const startedAt = performance.now();
  for (let made = 0; performance.now() - startedAt < ms; ) {
    const due = ((performance.now() - startedAt) / 1_000) * changesPerSecond;
    for (; made < due; made += 1) append(performance.now());
    await sleep(tickMs);
  }
};

const measure = async (mode: Mode, client: SQS): Promise<Measured> => {
  const queue = async (name: string): Promise<string> => (await client.createQueue({ QueueName: name })).QueueUrl ?? "";
  const [retries, deadLetters] = [await queue(`retries-${mode}`), await queue(`dead-letters-${mode}`)];
  let since = Number.POSITIVE_INFINITY;
  const arrivals: DeliveryTimes = { latenciesMs: [], lastAt: 0 };
  let built: Pipeline<Record<string, unknown>> = pipeline("isolation", {
    deadLetterQueue: sqsDeadLetterQueue({ queueUrl: deadLetters, client }),
    retryQueue: sqsRetryQueue({ queueUrl: retries, client }),
    logger: silent,
  });
  for (const sink of [
    healthySink("first", () => since, arrivals),
    healthySink("second", () => since, arrivals),
    failingSink(mode),
  ]) {
    built = built.to(sink, ({ after }) => after.stamp as number);
  }
  const stream = fakeStreams();
  const shard = stream.addShard();
  let item = 0;
  const append = (stamp: number): void => {
    item = (item + 1) % 5_000;
    const image = { pk: { S: `item-${item}` }, stamp: { N: String(stamp) } };
    stream.append(shard, { eventName: "INSERT", dynamodb: { Keys: { pk: image.pk }, NewImage: image } });
  };
  const mapping = eventSourceMapping({
    client: stream.client,
    streamArn: stream.streamArn,
    handler: built.handler() as never,
    startingPosition: "TRIM_HORIZON",
    parallelizationFactor: 2,
    functionResponseTypes: ["ReportBatchItemFailures"],
  });
  await mapping.start();
  await makeChanges(append, warmupMs);
  since = performance.now();
  await makeChanges(append, measuredMs);
  await mapping.drained();
  await mapping.stop();
  const seconds = (arrivals.lastAt - since) / 1_000;
  return { perSecond: arrivals.latenciesMs.length / 2 / seconds, p99Ms: p99(arrivals.latenciesMs) };
};

/** The suite that measures how a failing sink affects other sinks. */
export const isolationSuite: Suite = {
  name: "isolation",
  isRunByNameOnly: true,
  run: async () => {
    const server = await startMessagingServer();
    const client = new SQS(server.clientConfig);
    try {
      const normal = await measure("normal", client);
      const modes = ["refusing", "hanging"] as const;
      const figures: Record<string, number> = {};
      const rows: (readonly [string, number, number])[] = [
        ["all healthy", rounded(normal.perSecond), rounded(normal.p99Ms)],
      ];
      for (const mode of modes) {
        const { perSecond, p99Ms } = await measure(mode, client);
        rows.push([mode, rounded(perSecond), rounded(p99Ms)]);
        figures[`isolation/${mode}/throughput-vs-normal`] = rounded(perSecond / normal.perSecond);
        figures[`isolation/${mode}/p99-vs-normal`] = rounded(p99Ms / normal.p99Ms);
      }
      return {
        figures,
        goals: Object.fromEntries(
          modes.flatMap((mode) => [
            [`isolation/${mode}/throughput-vs-normal`, { atLeast: 0.9 }],
            [`isolation/${mode}/p99-vs-normal`, { atMost: 2 }],
          ]),
        ),
        lines: [
          `${changesPerSecond} changes a second; ${measuredMs / 1_000} s measured, ${warmupMs / 1_000} s after the outage began`,
          "",
          ...table(["the third sink", "changes/s of each other sink", "p99, ms"], rows),
        ],
      };
    } finally {
      client.destroy();
      await server.stop();
    }
  },
};
