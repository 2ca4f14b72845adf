// The engine of a redrive. It sends messages to a pipeline's handler, one request after the other. After a message has
// failed with outcome `retried`, the engine sends no later message of the same group.

import { checkOptionNames } from "@sluice/core/sink-kit";
import { BrokenFunctionError, FunctionFailedError } from "./function-error.ts";
import { byRoute, type MessageOrder } from "./message-order.ts";
import type { MessageRate } from "./message-rate.ts";
import {
  eventBytes,
  maxRequestBytes,
  maxRequestMessages,
  type RedriveEvent,
  type RedriveResult,
  readAnswer,
  recordBytes,
  redriveEvent,
  routesIn,
  type TaskRecord,
} from "./task.ts";

/** Options of an engine. An engine serves one run. */
export interface RedriveEngineOptions<Message extends MessageOrder> {
  /**
   * Calls the handler with an event, and resolves with the handler's answer.
   * @throws {FunctionFailedError} when the function failed as a whole. If `invoke` throws another error, the run ends.
   */
  readonly invoke: (event: RedriveEvent) => Promise<unknown>;
  /** Creates the event's record for a message, just before the request. Each `messageId` must be unique in the run. */
  readonly recordOf: (message: Message) => Promise<TaskRecord> | TaskRecord;
  /** Called after each request, and for messages that are not sent. Every message gets exactly one result. */
  readonly onResults: (results: ReadonlyMap<Message, RedriveResult>) => Promise<void>;
  readonly isDryRun?: boolean;
  /** Names of the pipeline's routes, in order. Default: the engine asks the handler, if messages have several routes. */
  readonly routes?: readonly string[];
  /** Limit of messages per second. Default: no limit. */
  readonly rate?: MessageRate;
  /** When the signal aborts, the engine waits for the current request and sends no more. Default: no signal. */
  readonly signal?: AbortSignal;
}

/**
 * Asks the handler for the order of its routes, with an event that has no messages. If the messages are of one route, asks
 * nothing. Returns no names if the function fails, or does not name its routes: the order is then that of the messages.
 */
export const routeOrder = async (
  messages: readonly MessageOrder[],
  invoke: RedriveEngineOptions<MessageOrder>["invoke"],
): Promise<readonly string[]> => {
  if (new Set(messages.map(({ route }) => route)).size < 2) return [];
  try {
    return routesIn(await invoke(redriveEvent([], true)));
  } catch (error) {
    if (error instanceof FunctionFailedError) return [];
    throw error;
  }
};

/** Sends the messages of a run. If a call of `send` holds back a group, later calls hold back the same group, too. */
export interface RedriveEngine<Message extends MessageOrder> {
  /**
   * Sends messages, in order within each group. Resolves when every message has its result.
   * @throws {BrokenFunctionError} after too many failed requests in a row. Also passes on `invoke`'s other errors.
   */
  readonly send: (messages: readonly Message[]) => Promise<void>;
}

/**
 * Number of failed requests in a row after which the engine gives up. The limit must exceed what a single bad message
 * causes: if one of 100 messages crashes the function, eight requests fail before that message is found.
 */
export const maxFailuresInARow = 16;

/** Creates the result of a message that was not sent. */
export const unsent = (reason: string): RedriveResult => ({ outcome: "unsent", stays: true, reason });

const heldBack: RedriveResult = {
  ...unsent("an earlier change of its item, or of its shard, must be redriven first"),
  code: "EARLIER_CHANGE_FAILED",
};

/** State of a run. It is not generic, because only the caller needs the exact type of the messages. */
interface EngineRun extends Omit<RedriveEngineOptions<MessageOrder>, "signal" | "routes"> {
  /** Undefined until the handler has named its routes. */
  routes?: readonly string[];
  readonly signal: AbortSignal;
  /** Messages that are still to be sent. The last unit is sent next. A request contains messages of one unit only. */
  units: (readonly MessageOrder[])[];
  /** Groups of which no more messages are sent. */
  readonly heldBackGroups: Set<string>;
  /** Maximum number of messages in the next request. */
  size: number;
  readonly maxSize: number;
  failuresInARow: number;
}

/** The messages and records of one request. `rest` has the unit's messages that did not fit into the request. */
interface EngineRequest {
  readonly messages: readonly MessageOrder[];
  readonly records: readonly TaskRecord[];
  readonly rest: readonly MessageOrder[];
}

type Results = ReadonlyMap<MessageOrder, RedriveResult>;

/** Creates the next request from the last unit. The request gets as many of the unit's messages as the limits allow. */
const nextRequest = async ({ units, size, recordOf }: EngineRun): Promise<EngineRequest> => {
  const unit = units.at(-1) ?? [];
  const records: TaskRecord[] = [];
  let bytes = eventBytes;
  for (const message of unit.slice(0, size)) {
    const record = await recordOf(message);
    bytes += recordBytes(record);
    if (bytes > maxRequestBytes && records.length > 0) break;
    records.push(record);
  }
  return { messages: unit.slice(0, records.length), records, rest: unit.slice(records.length) };
};

/** Adds units to `run.units`. The last unit is sent next. Skips empty units. */
const putBack = (run: EngineRun, ...units: readonly (readonly MessageOrder[])[]): void => {
  run.units.push(...units.filter((unit) => unit.length > 0));
};

const holdBack = async (run: EngineRun): Promise<void> => {
  const isHeldBack = ({ group }: MessageOrder): boolean => run.heldBackGroups.has(group);
  const messages = run.units.flat().filter(isHeldBack);
  if (messages.length === 0) return;
  const units = run.units.splice(0);
  putBack(run, ...units.map((unit) => unit.filter((message) => !isHeldBack(message))));
  await run.onResults(new Map(messages.map((message) => [message, heldBack])));
};

/** Passes results to `onResults`. After an outcome `retried`, holds back all waiting messages of the same group. */
const finish = async (run: EngineRun, results: Results): Promise<void> => {
  const before = run.heldBackGroups.size;
  for (const [{ group }, { outcome, code }] of results) {
    // A message of a route that does not exist holds back nothing: the others of its route have the same result.
    if (outcome === "retried" && code !== "RECORD_UNROUTED") run.heldBackGroups.add(group);
  }
  await run.onResults(results);
  if (run.heldBackGroups.size > before) await holdBack(run);
};

/** Whether the handler ran out of time before it attempted the message. */
const isUnattempted = (result: RedriveResult | undefined): boolean =>
  result?.outcome === "retried" && result.code === "DEADLINE_EXCEEDED";

type ResultOf = ReturnType<typeof readAnswer>;

const succeed = async (run: EngineRun, request: EngineRequest, resultOf: ResultOf): Promise<void> => {
  const { messages, records, rest } = request;
  const results = new Map(messages.map((message, index) => [message, resultOf(records[index]?.messageId ?? "")]));
  const again = messages.length === 1 ? [] : messages.filter((message) => isUnattempted(results.get(message)));
  run.failuresInARow = 0;
  run.size = Math.min(run.maxSize, run.size * 2);
  if (again.length > 0) run.size = messages.length - again.length || Math.ceil(messages.length / 2);
  for (const message of again) results.delete(message);
  putBack(run, [...again, ...rest]);
  await finish(run, results);
};

/** Splits a failed request into two units. After a few splits, the message that causes the failure is sent alone. */
const fail = async (run: EngineRun, { messages, rest }: EngineRequest, error: FunctionFailedError): Promise<void> => {
  run.failuresInARow += 1;
  putBack(run, rest);
  const [message] = messages;
  const middle = Math.ceil(messages.length / 2);
  if (messages.length > 1) putBack(run, messages.slice(middle), messages.slice(0, middle));
  else if (message !== undefined) {
    const result = { outcome: "retried", stays: true, code: error.code, reason: error.message } as const;
    await finish(run, new Map([[message, result]]));
  }
  if (run.failuresInARow < maxFailuresInARow) return;
  const found = `${run.failuresInARow} requests in a row failed: ${error.message}`;
  throw new BrokenFunctionError(found, { cause: error });
};

const sendNext = async (run: EngineRun): Promise<void> => {
  const { rate, signal, isDryRun = false } = run;
  const request = await nextRequest(run);
  await rate?.wait(signal);
  if (signal.aborted) return;
  rate?.spend(request.messages.length);
  const answered = run.invoke(redriveEvent(request.records, isDryRun)).then((answer) => readAnswer(answer, isDryRun));
  const answer = await answered.catch((error: unknown) => {
    if (error instanceof FunctionFailedError) return error;
    throw error;
  });
  // The unit is removed only after the answer. If `invoke` threw, the unit's messages must get the result `unsent`.
  run.units.pop();
  await (answer instanceof FunctionFailedError ? fail(run, request, answer) : succeed(run, request, answer));
};

const sendAll = async (run: EngineRun, messages: readonly MessageOrder[]): Promise<void> => {
  putBack(run, messages);
  let reason = "the redrive was interrupted";
  try {
    const routes = run.routes ?? (await routeOrder(messages, run.invoke));
    if (routes.length > 0) run.routes = routes;
    // Routes are not in one request, because the handler delivers to all routes at once. The last unit is sent first.
    run.units = [];
    putBack(run, ...byRoute(messages, routes).reverse());
    await holdBack(run);
    while (run.units.length > 0 && !run.signal.aborted) await sendNext(run);
  } catch (error) {
    reason = "the redrive ended early";
    throw error;
  } finally {
    const left = run.units.splice(0).flat();
    if (left.length > 0) await run.onResults(new Map(left.map((message) => [message, unsent(reason)])));
  }
};

/** Creates the engine for one run. */
export const redriveEngine = <Message extends MessageOrder>(
  options: RedriveEngineOptions<Message>,
): RedriveEngine<Message> => {
  checkOptionNames("redriveEngine", options, {
    invoke: true,
    recordOf: true,
    onResults: true,
    isDryRun: true,
    routes: true,
    rate: true,
    signal: true,
  });
  const maxSize = Math.min(maxRequestMessages, options.rate?.burst ?? Number.POSITIVE_INFINITY);
  const run: EngineRun = {
    signal: new AbortController().signal,
    // The cast is safe: the options' functions get only messages from `send`, which accepts only the caller's type.
    ...(options as unknown as RedriveEngineOptions<MessageOrder>),
    ...{ units: [], heldBackGroups: new Set(), size: maxSize, maxSize, failuresInARow: 0 },
  };
  return { send: (messages) => sendAll(run, messages) };
};
