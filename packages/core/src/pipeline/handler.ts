// The Lambda handler of a pipeline: recognise, deliver to every route at once, see to what failed, balance, report.

import { BasePartialBatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { type Deadline, deadlineOf, type InvocationContext } from "../async/deadline.ts";
import { CircuitBreaker } from "../delivery/circuit-breaker.ts";
import { deliverTo, leasing, noteSettled, type RouteDelivery, releaseParked } from "../delivery/route-worker.ts";
import { type DeadLetterQueue, remembering } from "../envelope/dead-letter-queue.ts";
import type { Envelope } from "../envelope/envelope.ts";
import type { EnvelopeMessage } from "../envelope/envelope-message.ts";
import type { PayloadStore } from "../envelope/payload-store.ts";
import { RecordError } from "../errors.ts";
import { type Received, type RecognisedEvent, receive, recognise } from "../intake/event.ts";
import { unpack } from "../intake/messages.ts";
import type { StreamRecord } from "../record/change.ts";
import { type EnvironmentParts, envelopeMaker, type HandlerParts, type Invocation, originOf } from "./invocation.ts";
import { dryRunRoute, type MessageOutcome, messageOutcomes } from "./redrive-task.ts";
import { countFailures, countOutcomes, positionsToRepeat } from "./report.ts";
import { postponeFailed, removeLeases, repeats, settleRejected, settleUnread } from "./settle.ts";
import { announce, type PipelineLogger } from "./telemetry.ts";

/** The records that Lambda is to bring again; for a stream it restarts at the lowest. */
export interface BatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
  /** Of a redrive that was asked for by `sluice: { task: "redrive" }` in the event: each message's outcome. */
  outcomes?: MessageOutcome[];
}

/**
 * Takes a batch of stream records; of SQS messages with envelopes of this pipeline, from its retry queue or its dead
 * letters; and what Lambda sent to an on-failure destination, by SQS, SNS, S3 or itself.
 * @throws {RecordError} RECORD_MALFORMED for an event of any other shape.
 */
export type PipelineHandler = (event: unknown, context?: InvocationContext) => Promise<BatchResponse>;

type Failures = ReadonlyMap<number, Error>;
type Processor = BasePartialBatchProcessor;

/**
 * Powertools' batch processor with one bulk pass in place of a call per record. One is made for each invocation:
 * outside Lambda Managed Instances its state is its own, and two invocations may overlap in one process.
 */
class BulkProcessor extends BasePartialBatchProcessor {
  override async process(): ReturnType<Processor["process"]> {
    this.prepare();
    const failures = (await this.handler(this.records)) as Failures;
    const { records } = this;
    // A call of `successHandler` for each record was a sixth of core's own cost (bench: `core`).
    this.successMessages = failures.size === 0 ? records : records.filter((_, position) => !failures.has(position));
    const results = [...failures].map(([position, error]) => this.failureHandler(records[position] as never, error));
    this.clean();
    return results;
  }

  override async processRecord(): ReturnType<Processor["processRecord"]> {
    throw new Error("a pipeline processes its records in bulk");
  }

  override processRecordSync(): ReturnType<Processor["processRecordSync"]> {
    throw new Error("a pipeline processes its records in bulk");
  }
}

/** Powertools leaves out a failed record without an identifier, which makes it a success: the whole batch must fail. */
const unreportable = (records: readonly unknown[], failures: Failures): RecordError | undefined => {
  for (const position of failures.keys()) {
    const { dynamodb, messageId } = (records[position] ?? {}) as StreamRecord & { messageId?: string };
    if (!(dynamodb?.SequenceNumber || messageId)) {
      return new RecordError("RECORD_MALFORMED", "a record that must come again has no sequence number to report");
    }
  }
  return undefined;
};

/** What must come again, and why; `fatal` where the invocation must fail, which brings it all. */
interface Repeats {
  readonly failures: Failures;
  readonly fatal: { readonly reason: unknown } | undefined;
}

type SettledRoutes = readonly PromiseSettledResult<RouteDelivery>[];

const routesIn = (settled: SettledRoutes): RouteDelivery[] =>
  settled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));

/** Records that stay where they are, unread, and those that a delivery of theirs brings again. */
const repeatsOf = (invocation: Invocation, settled: SettledRoutes, unread: Failures): Repeats => {
  const { event, received } = invocation;
  const found = new Map(unread);
  const positions = positionsToRepeat(routesIn(settled), (result, position) => repeats(invocation, result, position));
  for (const [position, reason] of positions) {
    const source = received[position]?.source as number;
    if (!found.has(source)) found.set(source, reason);
  }
  const failures = new Map([...found].sort(([a], [b]) => a - b));
  const bug = settled.find((result) => result.status === "rejected");
  if (bug !== undefined) return { failures, fatal: { reason: bug.reason } };
  const reason = event.kind === "notification" ? [...failures.values()][0] : unreportable(event.records, failures);
  return { failures, fatal: reason && { reason } };
};

/** The first of what is brought again: all of a record that failed, and of a stream all behind it. */
const firstToRepeat = ({ received }: Invocation, { failures, fatal }: Repeats): number | undefined => {
  if (fatal !== undefined) return 0;
  if (failures.size === 0) return undefined;
  const position = received.findIndex(({ source }) => failures.has(source));
  return position === -1 ? undefined : position;
};

/** What could not be read is in no route's account: it is told by itself. */
const tellUnread = ({ parts }: Invocation, unread: Failures): void => {
  const [first] = unread.values();
  if (first === undefined) return;
  const fields = { pipeline: parts.name, messages: unread.size, first: String(first) };
  parts.logger.warn("messages not read, they stay where they are", fields);
};

const report = (invocation: Invocation, routes: readonly RouteDelivery[], failures: Failures, startedAt: number) => {
  const { parts, origin, event } = invocation;
  let spilled = 0;
  for (const { results } of routes) for (const { isQueued } of results.values()) if (isQueued) spilled += 1;
  return {
    pipeline: parts.name,
    origin,
    records: event.records.length,
    reported: failures.size,
    spilled,
    durationMs: parts.clock.now() - startedAt,
    routes: Object.fromEntries(routes.map((results) => [results.route, countOutcomes(results)])),
    failures: countFailures(routes),
  };
};

interface Run {
  readonly failures: Failures;
  readonly routes: readonly RouteDelivery[];
}

/** Delivers a recognised event to every route and answers which records must come again, and why. */
const run = async (invocation: Invocation, requestId: string | undefined): Promise<Run> => {
  const { parts, origin, received } = invocation;
  const startedAt = parts.clock.now();
  const settled = await Promise.allSettled(parts.routes.map((route) => deliverTo(route, received, invocation)));
  const routes = routesIn(settled);
  await settleRejected(invocation, routes);
  const unread = await settleUnread(invocation);

  const repeated = repeatsOf(invocation, settled, unread);
  const from = firstToRepeat(invocation, repeated);
  if (from !== undefined) await noteSettled(invocation, routes, from);
  if (repeated.fatal !== undefined) throw repeated.fatal.reason;
  const { failures } = repeated;
  tellUnread(invocation, unread);
  if (origin === "retry") await releaseSettled(invocation, routes);
  await postponeFailed(invocation, failures);
  await removeLeases(invocation, failures);
  announce(parts.logger, report(invocation, routes, failures, startedAt), requestId);
  return { failures, routes };
};

const releaseSettled = async (invocation: Invocation, routes: readonly RouteDelivery[]): Promise<void> => {
  const { parts } = invocation;
  await Promise.all(
    routes.map(async (delivery) => {
      const route = parts.routes.find(({ name }) => name === delivery.route);
      if (route !== undefined) await releaseParked(route, delivery, invocation);
    }),
  );
};

/** What would become of the messages: nothing is written, noted or logged. */
const plan = async (invocation: Invocation): Promise<BatchResponse> => {
  const peeked = { ...invocation, parts: { ...invocation.parts, dedupeStore: undefined, spillTo: undefined } };
  const routes = await Promise.all(
    invocation.parts.routes.map((route) => deliverTo(dryRunRoute(route), invocation.received, peeked)),
  );
  return { batchItemFailures: [], outcomes: messageOutcomes(invocation, routes) };
};

/** Runs the invocation in Powertools' processor, which makes the response that Lambda reads. */
const reported = async (
  invocation: Invocation,
  event: unknown,
  requestId: string | undefined,
): Promise<BatchResponse> => {
  let done: Run | undefined;
  const type = invocation.event.kind === "queue" ? EventType.SQS : EventType.DynamoDBStreams;
  const { batchItemFailures } = await processPartialResponse(
    event as never,
    async () => {
      done = await run(invocation, requestId);
      return done.failures;
    },
    new BulkProcessor(type),
    { throwOnFullBatchFailure: false },
  );
  const outcomes = invocation.event.task && done && messageOutcomes(invocation, done.routes);
  // Powertools answers a successful batch with one object that all its processors share.
  return { batchItemFailures: [...batchItemFailures], ...(outcomes && { outcomes }) };
};

/** Notifications bring no batch, so that nothing can be reported but the failure of all of it. */
const notified = async (invocation: Invocation, requestId: string | undefined): Promise<BatchResponse> => {
  await run(invocation, requestId);
  return { batchItemFailures: [] };
};

/** One structured line for each dead letter that is stored, without values. */
const logging =
  (deadLetterQueue: DeadLetterQueue, logger: PipelineLogger): DeadLetterQueue["write"] =>
  async (envelopes) => {
    const receipt = await deadLetterQueue.write(envelopes);
    for (const { pipeline, sink, code, id, attempts, message } of receipt.stored) {
      logger.warn("dead letter", { pipeline, sink, code, id, attempts, reason: message });
    }
    return receipt;
  };

/** What lives as long as the environment. */
const environmentOf = (given: HandlerParts): EnvironmentParts => {
  const { deadLetterQueue, retryQueue, clock, logger } = given;
  const spillTo = retryQueue && remembering<EnvelopeMessage>(retryQueue.write, ({ envelope }) => envelope);
  const outages = new Map(given.routes.map(({ name }) => [name, new CircuitBreaker(clock)]));
  const parts = { ...given, spillTo, outages };
  return {
    ...parts,
    routes: given.routes.map((route) => leasing(route, parts)),
    writeDeadLetters:
      deadLetterQueue && remembering<Envelope>(logging(deadLetterQueue, logger), (envelope) => envelope),
  };
};

const claimChecksOf = ({ deadLetterQueue, retryQueue }: HandlerParts): PayloadStore[] =>
  [deadLetterQueue?.payloadStore, retryQueue?.payloadStore].filter((payloadStore) => payloadStore !== undefined);

/** The changes of an event: those of a stream stand in it, others may have to be fetched. */
const receiveAll = async (event: RecognisedEvent, parts: EnvironmentParts, deadline: Deadline): Promise<Received[]> => {
  const origin = originOf(event, parts.retryQueue);
  if (event.kind === "stream") {
    return event.records.map((record, source) =>
      receive(record as StreamRecord, { source, origin, envelope: undefined }, parts.schema),
    );
  }
  return unpack(event, {
    pipeline: parts.name,
    schema: parts.schema,
    routes: new Set(parts.routes.map(({ name }) => name)),
    payloadStores: claimChecksOf(parts),
    reader: parts.onFailureDestination,
    origin,
    signal: deadline.signal,
  });
};

/** The handler of a pipeline. */
export const handlerOf = (given: HandlerParts): PipelineHandler => {
  const parts = environmentOf(given);
  return async (event, context) => {
    const recognised = recognise(event);
    if (recognised.records.length === 0) return { batchItemFailures: [] };
    const deadline = deadlineOf(context, parts.timeoutBufferMs, parts.clock);
    try {
      const received = await receiveAll(recognised, parts, deadline);
      const origin = originOf(recognised, parts.retryQueue);
      const envelopeOf = envelopeMaker(parts, recognised, received);
      const invocation: Invocation = { event: recognised, parts, received, origin, deadline, envelopeOf };
      if (recognised.task?.dryRun) return await plan(invocation);
      if (recognised.kind === "notification") return await notified(invocation, context?.awsRequestId);
      return await reported(invocation, event, context?.awsRequestId);
    } finally {
      deadline.release();
    }
  };
};
