// Measures the time from an event to acknowledged messages. Compares the pipeline's handler with Powertools'
// BatchProcessor and with the raw limit. BatchProcessor sends one request for each record. The raw limit sends prebuilt
// requests of ten messages, with the concurrency of the sink.

import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { pipeline } from "@sluice/core";
import { decodeRecord, eachBounded, type Sink, toJson } from "@sluice/core/sink-kit";
import type { StreamEvent } from "@sluice/testing";
import type { DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import { batched, filmsUpTo, texts, updateEvents } from "../films.ts";
import { table } from "../markdown.ts";
import { type MessagingServer, startMessagingServer } from "../messaging-server.ts";
import { silent, takeAll } from "../pipeline-handler.ts";
import { type Contender, compete, type Times } from "../rounds.ts";
import { rounded, spread } from "../statistics.ts";
import type { Suite, SuiteOptions, SuiteReport } from "../suite.ts";

/** The message that every contender sends: the film as JSON, with attributes for filters and deduplication. */
export interface BenchMessage {
  readonly body: string;
  readonly attributes: { readonly [name: string]: string };
}

/** A topic or queue, with the functions that the contenders need. */
export interface MessagingApi<Request> {
  /** The sink to measure. The sink creates its own client, as in a user's function. */
  readonly sink: Sink<{ readonly body: unknown; readonly attributes: { readonly kind: string } }, "append">;
  /** A request of the SDK with at most ten messages. */
  readonly requestOf: (messages: readonly BenchMessage[]) => Request;
  /** Rejects unless all messages are accepted. */
  readonly send: (request: Request) => Promise<void>;
  readonly sendOne: (message: BenchMessage) => Promise<void>;
  /** Deletes the messages that arrived since the last call, and returns their number. */
  readonly takeCount: () => Promise<number>;
  readonly close: () => void;
}

const contenderNames = ["sluice", "raw", "powertools"] as const;

const sluice = ({ sink }: Pick<MessagingApi<never>, "sink">, events: readonly string[]): Contender<"update"> => {
  const handler = pipeline("films", { onReject: "block", logger: silent })
    .to(sink, ({ kind, after }) => ({ body: after, attributes: { kind } }), { dedupe: "none" })
    .handler();
  return {
    name: "sluice",
    prepare: (_, batch) => {
      const event: unknown = JSON.parse(events[batch] ?? "");
      return () => takeAll("sluice", handler, event);
    },
  };
};

const messagesOf = ({ Records }: StreamEvent): BenchMessage[] =>
  Records.map((record) => {
    const { eventId, version, kind, after } = decodeRecord(record);
    return {
      body: toJson(after),
      attributes: { "idempotency-key": `${eventId}:films`, "sluice-version": version, kind },
    };
  });

const raw = <Request>(api: MessagingApi<Request>, events: readonly string[]): Contender<"update"> => ({
  name: "raw",
  prepare: (_, batch) => {
    const messages = messagesOf(JSON.parse(events[batch] ?? "") as StreamEvent);
    const requests = batched(messages, 10).map(api.requestOf);
    const concurrency = api.sink.supports.concurrency ?? 1;
    return async () => {
      await eachBounded(requests, concurrency, api.send);
    };
  },
});

const powertools = (
  { sendOne }: Pick<MessagingApi<never>, "sendOne">,
  events: readonly string[],
): Contender<"update"> => {
  const processor = new BatchProcessor(EventType.DynamoDBStreams);
  const publish = ({ eventID = "", eventName = "MODIFY", dynamodb }: DynamoDBRecord): Promise<void> => {
    const film = unmarshall(dynamodb?.NewImage as Parameters<typeof unmarshall>[0]);
    const attributes = {
      "idempotency-key": eventID,
      "sluice-version": dynamodb?.SequenceNumber ?? "",
      kind: eventName,
    };
    return sendOne({ body: JSON.stringify(film), attributes });
  };
  return {
    name: "powertools",
    prepare: (_, batch) => {
      const event = JSON.parse(events[batch] ?? "") as DynamoDBStreamEvent;
      const handler = () => processPartialResponse(event, publish, processor);
      return () => takeAll("powertools", handler, event);
    },
  };
};

/**
 * Runs every contender once.
 * @throws if a message does not arrive, because the contender must send every message
 */
const assertAllArrive = async (
  contenders: readonly Contender<"update">[],
  { takeCount }: Pick<MessagingApi<never>, "takeCount">,
  { batchSize, batches }: SuiteOptions,
): Promise<void> => {
  for (const { name, prepare } of contenders) {
    for (let batch = 0; batch < batches; batch += 1) await prepare("update", batch)();
    const arrived = await takeCount();
    const expected = batchSize * batches;
    if (arrived !== expected) throw new Error(`${name}: ${arrived} of ${expected} messages arrived`);
  }
};

const reportOf = (name: string, times: Times<"update">, { rounds, batchSize, batches }: SuiteOptions): SuiteReport => {
  const perSecond = (contender: string): number =>
    Math.round((1000 * batchSize * batches) / times.median(contender, "update"));
  const versus = (peer: string): number => rounded(times.median(peer, "update") / times.median("sluice", "update"));
  return {
    figures: {
      [`${name}/vs-raw`]: versus("raw"),
      [`${name}/vs-powertools`]: versus("powertools"),
      [`${name}/records-per-second`]: perSecond("sluice"),
    },
    goals: { [`${name}/vs-raw`]: { atLeast: 0.95 }, [`${name}/vs-powertools`]: { atLeast: 5 } },
    lines: [
      `${rounds} rounds of ${batches} batches of ${batchSize} modifications, against fauxqs in a separate process`,
      "",
      ...table(
        ["", "records/s", "rounds"],
        contenderNames.map((contender) => [contender, perSecond(contender), spread(times.of(contender, "update"))]),
      ),
    ],
  };
};

/** Sets environment variables. Returns a function that restores the previous values. */
const setEnvironment = (variables: Readonly<Record<string, string>>): (() => void) => {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
};

const measure = async <Request>(
  name: string,
  api: MessagingApi<Request>,
  options: SuiteOptions,
): Promise<SuiteReport> => {
  const events = texts(updateEvents(await filmsUpTo(options.batchSize * options.batches), options.batchSize));
  const reset = async (): Promise<void> => {
    await api.takeCount();
  };
  const contenders = [sluice(api, events), raw(api, events), powertools(api, events)];
  await assertAllArrive(contenders, api, options);
  const times = await compete(
    contenders.map((contender) => ({ ...contender, reset })),
    { mixes: ["update"], batches: options.batches, rounds: options.rounds, warmups: 2 },
  );
  return reportOf(name, times, options);
};

/** Creates the suite for a target that accepts ten messages in a request. */
export const messagingSuite = <Request>(
  name: string,
  open: (server: MessagingServer) => Promise<MessagingApi<Request>>,
): Suite => ({
  name,
  run: async (options) => {
    const server = await startMessagingServer();
    const restoreEnvironment = setEnvironment(server.environment);
    const api = await open(server);
    try {
      return await measure(name, api, options);
    } finally {
      api.close();
      await api.sink.close?.();
      restoreEnvironment();
      await server.stop();
    }
  },
});
