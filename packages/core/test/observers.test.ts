// What observers and listeners of the diagnostics channels get.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, describe, expect, test } from "@jest/globals";
import { trace } from "@opentelemetry/api";
import { lambdaContext, streamEvent, streamRecord } from "@sluice/testing";
import { type InvocationReport, pipeline, reportChannel } from "../src/index.ts";
import {
  type DeliveryReport,
  deliveryChannel,
  deliveryLog,
  emfMetrics,
  type Observer,
  powertoolsMetrics,
} from "../src/metrics.ts";
import { otelMetrics, otelSpans } from "../src/opentelemetry.ts";
import { type StreamRecord, systemClock } from "../src/sink-kit.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { memoryRetryQueue } from "./memory-retry-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { type Answer, scriptedSink } from "./scripted-sink.ts";

const now = 1_767_323_045_000;
const canary = "canary-4711";

const put = (pk: string, position: number): StreamRecord => {
  const record = streamRecord({ after: { pk: `${canary}-${pk}`, sk: "1", secret: canary }, position });
  return { ...record, dynamodb: { ...record.dynamodb, ApproximateCreationDateTime: (now - position * 1_000) / 1_000 } };
};

const answers: Record<string, Answer> = { rejected: "SINK_REJECTED", denied: "SINK_DENIED" };

const setUp = (
  observers: readonly Observer[] | undefined,
  first = scriptedSink({ writes: "upsert", name: "first" }),
) => {
  const logger = recordingLogger();
  const second = scriptedSink({
    writes: "upsert",
    name: "second",
    answer: ({ change }) => answers[String(change.keys.pk).slice(canary.length + 1)] ?? "delivered",
  });
  const handler = pipeline("p", {
    deadLetterQueue: memoryDeadLetterQueue(),
    retryQueue: memoryRetryQueue({ now: () => now }),
    clock: { now: () => now, sleep: systemClock.sleep, random: () => 0 },
    logger,
    ...(observers && { observers }),
  })
    .to(first, ({ after }) => after.pk)
    .to(second, ({ after }) => {
      if (String(after.pk).endsWith("threw")) throw new Error(`wrong ${canary}`);
      return String(after.pk).endsWith("filtered") ? undefined : after.pk;
    })
    .handler();
  return { handler, logger };
};

const batch = ["plain", "rejected", "denied", "filtered", "threw"].map((pk, index) => put(pk, index + 1));

const recording = () => {
  const reports: InvocationReport[] = [];
  const deliveries: DeliveryReport[] = [];
  const observer: Observer = {
    onInvocation: (report) => reports.push(report),
    onDelivery: (delivery) => deliveries.push(delivery),
  };
  return { reports, deliveries, observer };
};

describe("observers", () => {
  test("get each delivery and the report, with the lag of each route", async () => {
    const { reports, deliveries, observer } = recording();
    await setUp([observer]).handler(streamEvent(batch), lambdaContext({ awsRequestId: "r-1" }));
    expect(reports).toMatchObject([
      {
        pipeline: "p",
        requestId: "r-1",
        endedAt: now,
        queued: 1,
        routes: {
          first: { received: 5, delivered: 5, queued: 0, lagMs: 5_000 },
          second: {
            received: 5,
            delivered: 1,
            rejected: 2,
            retried: 1,
            filtered: 1,
            queued: 1,
            lagMs: 5_000,
            pendingAgeMs: 3_000,
            pending: 1,
          },
        },
      },
    ]);
    expect(reports[0]?.routes.first).not.toHaveProperty("pendingAgeMs");
    const seconds = deliveries.filter(({ route }) => route === "second");
    expect(seconds.map(({ outcome, code, isQueued, ageMs }) => [outcome, code, isQueued, ageMs])).toEqual([
      ["delivered", undefined, undefined, 1_000],
      ["rejected", "SINK_REJECTED", undefined, 2_000],
      ["retried", "SINK_DENIED", true, 3_000],
      ["filtered", undefined, undefined, 4_000],
      ["rejected", "MAPPING_FAILED", undefined, 5_000],
    ]);
    expect(new Set(deliveries.map(({ eventId }) => eventId))).toEqual(new Set(batch.map(({ eventID }) => eventID)));
  });

  test("that throw are named in the log once, without their words, and change no outcome", async () => {
    const fail = (): never => {
      throw new TypeError(`no metrics of ${canary}`);
    };
    const broken: Observer = { onInvocation: fail, onDelivery: fail };
    const { reports, observer } = recording();
    const { handler, logger } = setUp([broken, observer]);
    expect(await handler(streamEvent(batch), lambdaContext())).toEqual({ batchItemFailures: [] });
    expect(reports).toHaveLength(1);
    expect(logger.lines.filter(({ message }) => message === "observer failed")).toEqual([
      {
        level: "warn",
        message: "observer failed",
        fields: { pipeline: "p", reason: expect.stringContaining("TypeError") },
      },
    ]);
    expect(JSON.stringify(logger.lines)).not.toContain(canary);
  });

  test("may return promises, and a rejection does not end the process", async () => {
    const late: Observer = { onInvocation: async () => Promise.reject(new RangeError("late")) };
    const { handler, logger } = setUp([late]);
    await handler(streamEvent(batch), lambdaContext());
    await new Promise((resolve) => setImmediate(resolve));
    expect(logger.lines).toContainEqual(expect.objectContaining({ message: "observer failed" }));
  });

  test.each([
    ["emfMetrics", (write: () => Promise<never>) => emfMetrics({ write })],
    ["deliveryLog", (write: () => Promise<never>) => deliveryLog({ write })],
  ])(
    "of %s may have a write that returns a promise, and its rejection does not end the process",
    async (_name, make) => {
      const { handler, logger } = setUp([make(async () => Promise.reject(new RangeError(canary)))]);
      await handler(streamEvent(batch), lambdaContext());
      await new Promise((resolve) => setImmediate(resolve));
      const failed = logger.lines.filter(({ message }) => message === "observer failed");
      expect(failed.map(({ fields }) => fields)).toEqual([
        { pipeline: "p", reason: expect.stringContaining("RangeError") },
      ]);
      expect(JSON.stringify(logger.lines)).not.toContain(canary);
    },
  );

  test("may be instances of a class", async () => {
    class Counter implements Observer {
      received = 0;
      onInvocation({ records }: InvocationReport): void {
        this.received += records;
      }
    }
    const counter = new Counter();
    await setUp([counter]).handler(streamEvent(batch), lambdaContext());
    expect(counter.received).toBe(batch.length);
  });

  test("learn of an invocation that fails as a whole: the route that threw is stuck, the other one is not", async () => {
    const { reports, observer } = recording();
    const bug = scriptedSink({
      writes: "upsert",
      name: "first",
      answer: () => {
        throw new TypeError("a bug");
      },
    });
    const { handler } = setUp([observer], bug);
    await expect(handler(streamEvent([put("plain", 7)]), lambdaContext())).rejects.toThrow("a bug");
    expect(reports).toMatchObject([
      {
        isFailed: true,
        reported: 1,
        routes: {
          first: { received: 1, retried: 1, lagMs: 7_000, pendingAgeMs: 7_000 },
          second: { received: 1, delivered: 1, lagMs: 7_000 },
        },
      },
    ]);
  });

  test.each([
    ["a function", () => {}],
    ["a list of something else", [{}]],
  ])("must be a list of observers: %s", (_name, observers) => {
    expect(() => setUp(observers as never)).toThrow(/^observers/);
  });
});

describe("the environment variable SLUICE_METRICS", () => {
  const before = process.env.SLUICE_METRICS;
  afterEach(() => {
    if (before === undefined) delete process.env.SLUICE_METRICS;
    else process.env.SLUICE_METRICS = before;
  });

  const linesWith = async (value: string, observers?: readonly Observer[]): Promise<readonly string[]> => {
    process.env.SLUICE_METRICS = value;
    const written: string[] = [];
    const { write } = process.stdout;
    const { handler } = setUp(observers);
    process.stdout.write = ((text: string) => written.push(text)) as never;
    try {
      await handler(streamEvent(batch), lambdaContext());
    } finally {
      process.stdout.write = write;
    }
    return written;
  };

  test("turns metrics on", async () => {
    expect(await linesWith("emf")).toEqual([
      expect.stringMatching(/^\{"_aws":.*"route":"first".*\}\n$/),
      expect.any(String),
    ]);
    expect(await linesWith("none")).toEqual([]);
  });

  test("turns metrics on beside other observers, because the alarms of the construct need them, but never twice", async () => {
    const { reports, observer } = recording();
    const elsewhere = emfMetrics({ namespace: "Orders", write: () => {} });
    expect(await linesWith("emf", [observer, elsewhere])).toHaveLength(2);
    expect(reports).toHaveLength(1);
    expect(await linesWith("emf", [])).toHaveLength(2);
    expect(await linesWith("emf", [emfMetrics()])).toHaveLength(2);
    expect(await linesWith("none", [observer])).toEqual([]);
  });

  test("has no other value", () => {
    process.env.SLUICE_METRICS = "cloudwatch";
    expect(() => setUp(undefined)).toThrow("expected emf or none");
  });
});

test("neither channels nor metrics nor the log contain a value or a key of an item", async () => {
  const seen: unknown[] = [];
  const note = (message: unknown): void => void seen.push(message);
  for (const name of [reportChannel, deliveryChannel]) subscribe(name, note);
  const metrics = emfMetrics({ write: note });
  const { handler, logger } = setUp([metrics]);
  await handler(streamEvent(batch), lambdaContext());
  for (const name of [reportChannel, deliveryChannel]) unsubscribe(name, note);
  expect(seen).toHaveLength(1 + 2 + 10);
  expect(JSON.stringify([seen, logger.lines])).not.toContain(canary);
});

test.each<readonly [string, () => Observer]>([
  ["meter", () => otelMetrics(undefined as never)],
  ["meter", () => otelMetrics({} as never)],
  ["tracer", () => otelSpans(undefined as never)],
  ["traceparentOf", () => otelSpans(trace.getTracer("t"), { traceparentOf: canary } as never)],
  ["traceparentof", () => otelSpans(trace.getTracer("t"), { traceparentof: () => canary } as never)],
  ["otelSpans", () => otelSpans(trace.getTracer("t"), null as never)],
  ["metrics", () => powertoolsMetrics(undefined as never)],
  ["metrics", () => powertoolsMetrics({ addMetric: () => canary } as never)],
])("a wrong argument of an adapter is refused when the function starts: %s (%#)", (name, make) => {
  expect(make).toThrow(expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining(name) }));
  expect(make).not.toThrow(canary);
});
