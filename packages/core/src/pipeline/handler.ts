// The Lambda handler of a pipeline. It recognises the event, delivers to all routes at once, settles failed deliveries,
// checks that the counts add up, and responds.

import { type Deadline, deadlineOf, type InvocationContext } from "../async/deadline.ts";
import { deadLetterStore } from "../delivery/dead-letters.ts";
import type { RouteResult } from "../delivery/delivery-result.ts";
import { sharedRoutes } from "../delivery/route.ts";
import { type RouteRun, type RouteWorker, routeWorker } from "../delivery/route-worker.ts";
import type { DeadLetterQueue } from "../envelope/dead-letter-queue.ts";
import type { Envelope } from "../envelope/envelope.ts";
import type { EnvelopeMessage } from "../envelope/envelope-message.ts";
import { writeOnce } from "../envelope/store-result.ts";
import type { SluiceError } from "../errors.ts";
import { type RecognisedEvent, recognise } from "../intake/event.ts";
import { type Invocation, originOf } from "../intake/invocation.ts";
import { type MessageReader, messageReader, streamRecords } from "../intake/messages.ts";
import type { PipelineLogger } from "../logger.ts";
import { type SourceReader, sourceReader } from "../record/source.ts";
import { type PipelineSettings, payloadStoresOf } from "./options.ts";
import { itemFailures } from "./powertools.ts";
import { publishReport } from "./publish-report.ts";
import { brokenRun, countAll, type Failures, failuresOf, fatalFailure, firstToRepeat, logRetried } from "./report.ts";
import type { BatchResponse } from "./response.ts";
import { deletePayloads, postponeFailed, type Settling, settleRejected, settleUnread } from "./settle.ts";
import { dryRun, routeNames, runTask, type TaskSettings, taskWorkers } from "./task.ts";
import { messageOutcomes } from "./task-answer.ts";

/**
 * Accepts four kinds of events: a batch of stream records, from an event source mapping or from EventBridge Pipes; a
 * batch of SQS messages from this pipeline's retry queue or dead-letter queue; a message of Lambda's on-failure destination,
 * from SQS, SNS, S3 or a direct invocation; and a task, which a program sends: a redrive, a backfill or a replay.
 * @throws {RecordError} RECORD_MALFORMED for an event of any other shape.
 */
export type PipelineHandler = (event: unknown, context?: InvocationContext) => Promise<BatchResponse>;

/** A pipeline at run time. Lives as long as the environment. */
interface Environment extends Settling, TaskSettings {
  readonly workers: readonly RouteWorker[];
  readonly readMessages: MessageReader;
  readonly sourceReader: SourceReader;
  /** Loads the clients of the queues, in the second invocation. */
  readonly prepareQueues: (deadline: Deadline) => Promise<void>;
}

/** The result of an invocation. */
interface RunResult {
  readonly failures: Failures;
  readonly routes: readonly RouteResult[];
}

/** Logs one structured line for each dead letter that is stored, without item values. */
const logged =
  (deadLetterQueue: DeadLetterQueue, logger: PipelineLogger): DeadLetterQueue["write"] =>
  async (envelopes) => {
    const result = await deadLetterQueue.write(envelopes);
    for (const { pipeline, sink, code, id, attempts, message } of result.stored) {
      logger.warn("dead letter", { pipeline, sink, code, id, attempts, reason: message });
    }
    return result;
  };

/** The time that a small function may need to load the clients. With less, the invocation could time out after its writes. */
const preparationMs = 2_000;

/**
 * Creates a function that loads the clients of the pipeline's queues once, at the end of the second invocation that has
 * time for this: the first is part of the cold start, and a small function would spend a second of it (decision 0067).
 * Without the function, a package that the bundle lacks would be missed at the first dead letter, weeks after the
 * deployment. If a client cannot be loaded, a line says so.
 */
const queuePreparation = (settings: PipelineSettings): ((deadline: Deadline) => Promise<void>) => {
  const { deadLetterQueue, retryQueue, logger, name } = settings;
  let invocations = 0;
  return async ({ remainingMs }) => {
    if (remainingMs() < preparationMs) return;
    invocations += 1;
    if (invocations !== 2) return;
    for (const [queue, stores] of Object.entries({ deadLetterQueue, retryQueue })) {
      try {
        await stores?.prepare?.();
      } catch (error) {
        logger.warn("queue cannot be written", { pipeline: name, queue, reason: String(error) });
      }
    }
  };
};

const environmentOf = (settings: PipelineSettings): Environment => {
  const { deadLetterQueue, retryQueue, logger, name, routes } = settings;
  const writeRetries = retryQueue && writeOnce<EnvelopeMessage>(retryQueue.write, ({ envelope }) => envelope);
  const writeLetters = deadLetterQueue && writeOnce<Envelope>(logged(deadLetterQueue, logger), (envelope) => envelope);
  const storeDeadLetters = writeLetters && deadLetterStore(writeLetters, name, logger);
  const delivery = { ...settings, writeRetries, storeDeadLetters };
  return {
    ...settings,
    workers: sharedRoutes(routes).map((route) => routeWorker(route, delivery)),
    taskWorkers: taskWorkers(settings),
    storeDeadLetters,
    prepareQueues: queuePreparation(settings),
    sourceReader: sourceReader(settings.source, settings.clock),
    readMessages: messageReader({
      pipeline: settings.name,
      routes: new Set(routes.map(({ name }) => name)),
      payloadStores: payloadStoresOf(settings),
      onFailureDestination: settings.onFailureDestination,
    }),
  };
};

/** Decodes the records of an event. Stream events contain their records. Records of messages may have to be fetched. */
const invocationOf = async (
  environment: Environment,
  event: RecognisedEvent,
  deadline: Deadline,
): Promise<Invocation> => {
  const { schema, retryQueue, clock, readMessages, sourceReader } = environment;
  const origin = originOf(event, retryQueue);
  const startedAt = clock.now();
  const reception = { source: sourceReader, schema, now: startedAt };
  const received =
    event.kind === "stream"
      ? streamRecords(event, origin, reception)
      : await readMessages(event, origin, reception, deadline.signal);
  return { event, origin, received, deadline, startedAt };
};

/** Logs messages that stay unread, one line for each code: the counts of the routes do not include them. */
const logUnread = ({ logger, name }: Environment, unread: Failures): void => {
  const byCode = new Map<string, Error[]>();
  for (const error of unread.values()) {
    const code = (error as Partial<SluiceError>).code ?? "";
    byCode.set(code, [...(byCode.get(code) ?? []), error]);
  }
  for (const [code, { length, 0: first }] of byCode) {
    const fields = { pipeline: name, code, messages: length, reason: first?.message };
    logger.warn("messages not read, they stay where they are", fields);
  }
};

/** Delivers the records to all routes and settles failed deliveries. Throws the error that must fail the invocation. */
const run = async (
  environment: Environment,
  invocation: Invocation,
  requestId: string | undefined,
): Promise<RunResult> => {
  const { clock, name, workers } = environment;
  const ended = await Promise.allSettled(
    workers.map(async (worker) => ({ worker, result: await worker.deliver(invocation) })),
  );
  const bug = ended.find((end) => end.status === "rejected");
  const delivered = ended.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));

  const runs = await settleRejected(environment, invocation, delivered);
  const routes = runs.map(({ result }) => result);
  const unread = await settleUnread(environment, invocation);
  const failures = failuresOf(invocation, routes, unread);
  const reason = bug === undefined ? fatalFailure(invocation, failures) : bug.reason;
  const isFatal = bug !== undefined || reason !== undefined;
  const published = (all: readonly RouteRun[]) => ({ invocation, routes: all.map(({ result }) => result), requestId });
  const forEachRoute = (step: (run: RouteRun) => Promise<void>): Promise<unknown> => Promise.all(runs.map(step));

  // If the invocation fails, Lambda delivers all its records again.
  const from = isFatal ? 0 : firstToRepeat(invocation, failures);
  if (from !== undefined) await forEachRoute(({ worker, result }) => worker.noteSettled(result, from, invocation));
  logRetried(environment, routes);
  logUnread(environment, unread);
  if (isFatal) {
    const broken = workers.filter((_, index) => ended[index]?.status === "rejected");
    const all = [...runs, ...broken.map((worker) => brokenRun(worker, invocation, clock.now()))];
    publishReport(environment, countAll(name, invocation, all, "all"), published(all));
    throw reason;
  }
  const counts = countAll(name, invocation, runs, failures);
  if (invocation.origin === "retry") await forEachRoute(({ worker, result }) => worker.releasePending(result));
  await postponeFailed(environment, invocation, routes, failures);
  await deletePayloads(environment, invocation, failures);
  await environment.prepareQueues(invocation.deadline);
  publishReport(environment, counts, published(runs));
  return { failures, routes };
};

/** Runs the invocation and builds its response. For a notification the response is always empty. */
const respond = async (
  environment: Environment,
  invocation: Invocation,
  { event, requestId }: { readonly event: unknown; readonly requestId: string | undefined },
): Promise<BatchResponse> => {
  const { kind, task } = invocation.event;
  if (task?.dryRun) return dryRun(environment, invocation, task);
  if (task !== undefined && task.task !== "redrive") return runTask(environment, invocation, task, requestId);
  const { failures, routes } = await run(environment, invocation, requestId);
  if (kind === "notification") return { batchItemFailures: [] };
  const batchItemFailures = await itemFailures(invocation.event, event, failures);
  if (task === undefined) return { batchItemFailures };
  return { batchItemFailures, outcomes: messageOutcomes(invocation, routes), routes: routeNames(environment) };
};

/** Loads the clients of the sinks. Does not wait, and tells no error: the first `write` needs the same client. */
const prepareSinks = async ({ routes }: PipelineSettings): Promise<void> => {
  await Promise.allSettled(routes.map(async ({ sink }) => sink.prepare?.()));
};

/** The handler of a pipeline. */
export const handlerOf = (settings: PipelineSettings): PipelineHandler => {
  const environment = environmentOf(settings);
  void prepareSinks(settings);
  return async (event, context) => {
    const recognised = recognise(event);
    if (recognised.records.length === 0) {
      // A program asks for the routes with an event that has no messages.
      const answer = recognised.task && { outcomes: [], routes: routeNames(settings) };
      return { batchItemFailures: [], ...answer };
    }
    const deadline = deadlineOf(context, settings.timeoutBufferMs, settings.clock);
    try {
      const invocation = await invocationOf(environment, recognised, deadline);
      return await respond(environment, invocation, { event, requestId: context?.awsRequestId });
    } finally {
      deadline.release();
    }
  };
};
