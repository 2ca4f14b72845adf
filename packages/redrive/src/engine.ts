// The engine of a redrive. It sends messages to a pipeline's handler, one request after the other. It does not send a
// message while an earlier message of the same group has to be retried.

import { BrokenFunctionError, FunctionFailedError } from "./function-error.ts";
import { inOrder, type MessageOrder } from "./message-order.ts";
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
  type TaskRecord,
} from "./task.ts";

/** Options of the engine, for one run. */
export interface RedriveEngineOptions<Message extends MessageOrder> {
  /**
   * Calls the handler with an event, and resolves with its answer.
   * @throws {FunctionFailedError} when the function failed as a whole; any other error ends the run.
   */
  readonly invoke: (event: RedriveEvent) => Promise<unknown>;
  /** Creates the record of a message, just before its request. The record's `messageId` must be unique in the run. */
  readonly recordOf: (message: Message) => Promise<TaskRecord> | TaskRecord;
  /** Called with the results of each request and of unsent messages. In the end, every message has one result. */
  readonly onResults: (results: ReadonlyMap<Message, RedriveResult>) => Promise<void>;
  readonly isDryRun?: boolean;
  /** Default: no limit. */
  readonly rate?: MessageRate;
  /** Ends the run after the request in flight. Default: no signal ends the run. */
  readonly signal?: AbortSignal;
}

/** Sends the messages of a run. A group that is held back stays so in later calls of `send`, too. */
export interface RedriveEngine<Message extends MessageOrder> {
  /**
   * Sends messages, each group in order. Resolves when every message has its result.
   * @throws {BrokenFunctionError} after too many failed requests in a row; the errors of `invoke` and `onResults`.
   */
  readonly send: (messages: readonly Message[]) => Promise<void>;
}

/**
 * Failed requests in a row after which the function counts as broken. One message that crashes the function causes
 * eight failed requests among a hundred messages, and each neighbour that crashes it, too, causes one or a few more.
 */
export const maxFailuresInARow = 16;

/** Creates the result of a message that was not sent. */
export const unsent = (reason: string): RedriveResult => ({ outcome: "unsent", stays: true, reason });

const heldBack: RedriveResult = {
  ...unsent("an earlier change of its item, or of its shard, must be redriven first"),
  code: "EARLIER_CHANGE_FAILED",
};

/** State of a run. Only the caller needs the exact type of the messages. */
interface EngineRun extends Omit<RedriveEngineOptions<MessageOrder>, "signal"> {
  readonly signal: AbortSignal;
  /** Messages that wait. The last unit is sent next. Messages of different units are never in one request. */
  units: (readonly MessageOrder[])[];
  /** Groups whose later messages are held back. */
  readonly heldBackGroups: Set<string>;
  /** Maximum number of messages in the next request. */
  size: number;
  readonly maxSize: number;
  failuresInARow: number;
}

/** Messages of one request, and the rest of their unit. */
interface EngineRequest {
  readonly messages: readonly MessageOrder[];
  readonly records: readonly TaskRecord[];
  readonly rest: readonly MessageOrder[];
}

type Results = ReadonlyMap<MessageOrder, RedriveResult>;

/** Creates the next request from the last unit. It contains as many messages as a request may contain. */
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

/** Adds units to those that wait. The last one is sent next. */
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

/** Passes the results on. If a message must be retried, holds back the later messages of its group. */
const finish = async (run: EngineRun, results: Results): Promise<void> => {
  const before = run.heldBackGroups.size;
  for (const [{ group }, { outcome }] of results) if (outcome === "retried") run.heldBackGroups.add(group);
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

/** Halves a request that failed as a whole, until the message that makes the function fail is alone in its request. */
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
  // Only now: if an error has prevented the request, its messages are still to be sent.
  run.units.pop();
  await (answer instanceof FunctionFailedError ? fail(run, request, answer) : succeed(run, request, answer));
};

const sendAll = async (run: EngineRun, messages: readonly MessageOrder[]): Promise<void> => {
  putBack(run, inOrder(messages));
  let reason = "the redrive was interrupted";
  try {
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
  const maxSize = Math.min(maxRequestMessages, options.rate?.burst ?? Number.POSITIVE_INFINITY);
  const run: EngineRun = {
    signal: new AbortController().signal,
    // The cast is safe, because `send` accepts only messages of the caller's type.
    ...(options as unknown as RedriveEngineOptions<MessageOrder>),
    ...{ units: [], heldBackGroups: new Set(), size: maxSize, maxSize, failuresInARow: 0 },
  };
  return { send: (messages) => sendAll(run, messages) };
};
