// Drives one execution environment with a million changes of different items, and measures the CPU time of a change on the
// way. Every load has a memory that lives as long as the environment.

import { setImmediate } from "node:timers/promises";
import { type PipelineHandler, pipeline, sqsDeadLetterQueue } from "@sluice/core";
import { delivered, failed, type Sink, SinkError, type WriteMode } from "@sluice/core/sink-kit";
import { opensearchSink } from "@sluice/sink-opensearch";
import { lambdaContext, streamEvent, streamRecord } from "@sluice/testing";
import { filmsUpTo, keyAttribute } from "./films.ts";
import { silent } from "./pipeline-handler.ts";
import { median } from "./statistics.ts";

/** Number of changes of an invocation. */
const batchSize = 1_000;
const maxRounds = 31;

/** The sinks of the loads keep nothing themselves. `dead-letters` refuses every tenth delivery. */
export const environmentLoads = ["upsert", "append", "dead-letters", "opensearch"] as const;

/** A load: which memory of an environment the changes fill. */
export type EnvironmentLoad = (typeof environmentLoads)[number];

const discarding = <Writes extends WriteMode>(writes: Writes): Sink<unknown, Writes> => ({
  name: writes,
  supports: { writes },
  write: async (batch) => batch.map((delivery) => delivered(delivery)),
});

const refusing: Sink<unknown, "upsert"> = {
  name: "refusing",
  supports: { writes: "upsert" },
  write: async (batch) =>
    batch.map((delivery, index) =>
      index % 10 > 0 ? delivered(delivery) : failed(delivery, new SinkError("SINK_REJECTED", "[refusing] refused")),
    ),
};

/** A queue that takes every message and keeps none. */
const deadLetterQueue = sqsDeadLetterQueue({
  queueUrl: "https://sqs.us-east-1.amazonaws.com/000000000000/dead-letters",
  client: {
    sendMessageBatch: async ({ Entries }) => ({ Successful: Entries.map(({ Id }) => ({ Id })), Failed: [] }),
  },
});

/** Answers each bulk request as if OpenSearch had taken every document. */
const takingClient = () => {
  let seqNo = 0;
  return {
    transport: {
      request: async ({ bulkBody }: { readonly bulkBody?: string | Buffer }) => {
        // The sink asks for the index first, and writes without what it would know.
        if (bulkBody === undefined)
          throw Object.assign(new Error("no such index"), { name: "ResponseError", statusCode: 404 });
        const items = [...String(bulkBody).matchAll(/^\{"(index|create|update|delete)":\{[^\n]*?"_id":"([^"]*)"/gm)];
        const answers = items.map(([, action = "", _id]) => {
          seqNo += 1;
          return { [action]: { _id, status: 201, result: "created", _seq_no: seqNo, _primary_term: 1 } };
        });
        return { body: { errors: false, items: answers } };
      },
    },
  };
};

const start = () => pipeline("films", { onReject: "block", logger: silent });

const environments: Readonly<Record<EnvironmentLoad, () => PipelineHandler>> = {
  upsert: () =>
    start()
      .to(discarding("upsert"), ({ after }) => ({ item: after }))
      .handler(),
  append: () =>
    start()
      .to(discarding("append"), ({ after, kind }) => ({ kind, item: after }), { dedupe: "none" })
      .handler(),
  "dead-letters": () =>
    pipeline("films", { deadLetterQueue, logger: silent })
      .to(refusing, ({ after }) => ({ item: after }))
      .handler(),
  opensearch: () =>
    start()
      .to(opensearchSink({ client: takingClient(), index: "films" }))
      .handler(),
};

/** Returns a batch of new objects, with keys and sequence numbers from `first` on. */
type BatchAt = (first: number) => unknown;

const [keyMark, numberMark] = ["@key@", "@number@"];

const batchAt = async (): Promise<BatchAt> => {
  const parts = (await filmsUpTo(3_000)).map((film) => {
    const record = streamRecord({ after: film, position: 1, keyNames: [keyAttribute], tableName: "Films" });
    const key = { [keyAttribute]: { N: keyMark } };
    const dynamodb = { ...record.dynamodb, Keys: key, SequenceNumber: numberMark };
    const marked = {
      ...record,
      eventID: numberMark,
      dynamodb: { ...dynamodb, NewImage: { ...dynamodb.NewImage, ...key } },
    };
    return JSON.stringify(marked);
  });
  const textAt = (index: number): string =>
    (parts[index % parts.length] ?? "")
      .replaceAll(keyMark, String(index + 1))
      .replaceAll(numberMark, `5000000000${String(index).padStart(14, "0")}`);
  return (first) => streamEvent(Array.from({ length: batchSize }, (_, index) => JSON.parse(textAt(first + index))));
};

/** An environment that counts its changes. */
interface Environment {
  readonly changes: () => number;
  /** Handles the next batch. Returns the CPU time in µs for a change. */
  readonly step: () => Promise<number>;
}

const environmentOf = (load: EnvironmentLoad, eventAt: BatchAt): Environment => {
  const handler = environments[load]();
  let changes = 0;
  const step = async (): Promise<number> => {
    const event = eventAt(changes);
    changes += batchSize;
    // A batch comes in another turn of the event loop. Within one turn, V8 keeps what a WeakRef has returned.
    await setImmediate();
    const before = process.cpuUsage();
    const { batchItemFailures } = await handler(event, lambdaContext());
    const { user, system } = process.cpuUsage(before);
    if (batchItemFailures.length > 0)
      throw new Error(`${load}: found ${batchItemFailures.length} failures; expected 0`);
    return (user + system) / batchSize;
  };
  return { changes: () => changes, step };
};

/** What a load needs at one number of changes. */
export interface EnvironmentCost {
  readonly changes: number;
  /** The median of the CPU times in µs for a change. */
  readonly us: number;
  /** The same, of new environments that have handled a thousand changes, in turn with the measured environment. */
  readonly newUs: number;
  /** Bytes in use after a collection of all garbage. */
  readonly heap: number;
}

/**
 * Measures one environment at each of the numbers of changes, which ascend. A new environment takes its turn beside it, so
 * that a slow minute of the machine slows both.
 */
export const environmentCosts = async (
  load: EnvironmentLoad,
  counts: readonly number[],
  collectGarbage: () => void,
): Promise<EnvironmentCost[]> => {
  const eventAt = await batchAt();
  const newEnvironment = (): Environment => environmentOf(load, eventAt);
  const costs: EnvironmentCost[] = [];
  const warm = newEnvironment();
  for (let batch = 0; batch < 40; batch += 1) await warm.step();
  const measured = newEnvironment();
  for (const changes of counts) {
    while (measured.changes() < changes) await measured.step();
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    const [old, young]: [number[], number[]] = [[], []];
    const rounds = Math.min(maxRounds, Math.max(3, changes / batchSize));
    for (let round = 0; round < rounds + 4; round += 1) {
      const fresh = newEnvironment();
      await fresh.step();
      const [oldUs, newUs] = [await measured.step(), await fresh.step()];
      // The collection of the garbage discards V8's type feedback, so that the first rounds warm up again.
      if (round < 4) continue;
      old.push(oldUs);
      young.push(newUs);
    }
    costs.push({ changes, us: median(old), newUs: median(young), heap: heapUsed + external });
  }
  return costs;
};
