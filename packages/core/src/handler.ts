// The Lambda handler of a pipeline: recognise, deliver to every route at once, dead-letter, balance, report.

import { createHash } from "node:crypto";
import { BasePartialBatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { StreamRecord } from "./change.ts";
import { type DeadLetter, type Envelope, remembering } from "./dead-letter.ts";
import { type Clock, type Deadline, deadlineOf, type InvocationContext } from "./deadline.ts";
import type { DedupeStore } from "./dedupe.ts";
import { RecordError } from "./errors.ts";
import { type Received, type RecognisedEvent, receive, recognise } from "./event.ts";
import { idOf, type Verdict } from "./lane.ts";
import {
  blockRejected,
  countFailures,
  countOutcomes,
  type RouteVerdicts,
  recordsToRepeat,
  writeDeadLetters,
} from "./report.ts";
import type { RetryPolicy } from "./retry.ts";
import type { Route } from "./route.ts";
import { claiming, deliverTo, noteSettled, type RouteDelivery } from "./route-delivery.ts";
import { announce, type PipelineLogger } from "./telemetry.ts";

/** What the handler is made from: the pipeline's options, checked and with their defaults. */
export interface HandlerParts {
  readonly name: string;
  readonly routes: readonly Route[];
  readonly schema: StandardSchemaV1<unknown, unknown> | undefined;
  readonly deadLetter: DeadLetter | "block";
  readonly dedupeStore: DedupeStore | undefined;
  readonly logger: PipelineLogger;
  readonly retry: RetryPolicy;
  readonly reserveMs: number | undefined;
  readonly clock: Clock;
}

/** The records that Lambda is to bring again; for a stream it restarts at the lowest. */
export interface BatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
}

/**
 * Takes a batch of stream records, or of SQS messages with dead letters of this pipeline.
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

/** A record without an id of its own is named by what is in it: two of them must not pass for one. */
const eventIdOf = ({ change, record }: Received): string =>
  change?.eventId ?? record?.eventID ?? createHash("sha256").update(JSON.stringify(record)).digest("hex");

const envelopeOf = (parts: HandlerParts, received: readonly Received[]) => {
  const firstFailedAt = new Date(parts.clock.now()).toISOString();
  return (sink: string, position: number, { error, tries }: Verdict): Envelope => {
    const one = received[position] as Received;
    return {
      v: 1,
      id: idOf(sink, eventIdOf(one)),
      pipeline: parts.name,
      sink,
      code: error?.code ?? "SINK_REJECTED",
      message: error?.message ?? "",
      attempts: tries,
      firstFailedAt,
      record: one.record,
    };
  };
};

/** Messages that are no dead letter of any route here: they stay in their queue. */
const strangers = (received: readonly Received[], routes: readonly Route[]): Map<number, Error> => {
  const known = new Set(routes.map(({ name }) => name));
  const found = new Map<number, Error>();
  received.forEach(({ envelope, error }, position) => {
    if (envelope === undefined && error !== undefined) found.set(position, error);
    else if (envelope !== undefined && !known.has(envelope.sink)) {
      const message = "an SQS message holds a dead letter of a sink that this pipeline has no route to";
      found.set(position, new RecordError("RECORD_MALFORMED", message));
    }
  });
  return found;
};

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

/**
 * Sees to rejected deliveries. A dead letter that is rejected once more stays in its queue as it is; else the record
 * goes to the dead letters or, where there are none, comes again.
 */
const settleRejected = async (
  invocation: Invocation,
  received: readonly Received[],
  routes: readonly RouteVerdicts[],
): Promise<void> => {
  const { parts, deadLetter, deadline, event } = invocation;
  if (event.origin === "redrive") return;
  if (deadLetter === "block") return blockRejected(routes);
  const errors = await writeDeadLetters(deadLetter, routes, envelopeOf(parts, received), deadline.lastCall);
  if (errors.length === 0) return;
  const fields = { pipeline: parts.name, errors: errors.length, first: String(errors[0]) };
  parts.logger.warn("dead letters not stored", fields);
};

/** One run of the handler. */
interface Invocation {
  readonly event: RecognisedEvent;
  readonly parts: HandlerParts;
  readonly deadLetter: DeadLetter | "block";
  readonly deadline: Deadline;
  readonly requestId: string | undefined;
}

/** Records that must come again, and why; `fatal` where the invocation must fail, which brings them all. */
interface Repeats {
  readonly failures: Failures;
  readonly fatal: { readonly reason: unknown } | undefined;
}

const repeatsOf = (
  { records, origin }: RecognisedEvent,
  unrouted: Failures,
  settled: readonly PromiseSettledResult<RouteDelivery>[],
  routes: readonly RouteDelivery[],
): Repeats => {
  const repeats = ({ outcome }: Verdict): boolean =>
    outcome === "retried" || (origin === "redrive" && outcome === "rejected");
  const failures = new Map([...unrouted, ...recordsToRepeat(routes, repeats)]);
  const bug = settled.find((result) => result.status === "rejected");
  if (bug !== undefined) return { failures, fatal: { reason: bug.reason } };
  const reason = unreportable(records, failures);
  return { failures, fatal: reason && { reason } };
};

/** Delivers a recognised event to every route and answers which records must come again, and why. */
const run = async (invocation: Invocation): Promise<Failures> => {
  const { parts, event } = invocation;
  const { origin, records } = event;
  const startedAt = parts.clock.now();
  const received = receive(event, parts.name, parts.schema);
  const unrouted = origin === "redrive" ? strangers(received, parts.routes) : new Map<number, Error>();
  const routed = received.map((one, position) => (unrouted.has(position) ? { ...one, error: undefined } : one));
  const settled = await Promise.allSettled(parts.routes.map((route) => deliverTo(route, routed, invocation)));
  const routes = settled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  await settleRejected(invocation, received, routes);

  const { failures, fatal } = repeatsOf(event, unrouted, settled, routes);
  const [firstToRepeat] = fatal === undefined ? failures.keys() : [0];
  if (firstToRepeat !== undefined) await noteSettled(invocation, routes, firstToRepeat);
  if (fatal !== undefined) throw fatal.reason;
  const report = {
    pipeline: parts.name,
    origin,
    records: records.length,
    reported: failures.size,
    durationMs: parts.clock.now() - startedAt,
    routes: Object.fromEntries(routes.map((verdicts) => [verdicts.route, countOutcomes(verdicts)])),
    failures: countFailures(routes),
  };
  announce(parts.logger, report, invocation.requestId);
  return failures;
};

/** The handler of a pipeline. */
export const handlerOf = (given: HandlerParts): PipelineHandler => {
  const parts = { ...given, routes: given.routes.map((route) => claiming(route, given)) };
  const deadLetter = parts.deadLetter === "block" ? "block" : remembering(parts.deadLetter);
  return async (event, context) => {
    const recognised = recognise(event);
    if (recognised.records.length === 0) return { batchItemFailures: [] };
    const deadline = deadlineOf(context, parts.reserveMs, parts.clock);
    const invocation: Invocation = { event: recognised, parts, deadLetter, deadline, requestId: context?.awsRequestId };
    const type = recognised.origin === "redrive" ? EventType.SQS : EventType.DynamoDBStreams;
    const { batchItemFailures } = await processPartialResponse(
      event as never,
      () => run(invocation),
      new BulkProcessor(type),
      { throwOnFullBatchFailure: false },
    ).finally(deadline.release);
    // Powertools answers a successful batch with one object that all its processors share.
    return { batchItemFailures: [...batchItemFailures] };
  };
};
