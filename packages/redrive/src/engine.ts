// The engine of a redrive: it sends messages to a pipeline's handler, one request after the other. A message is not sent
// while an earlier one of its group has to be retried.

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
  /** Creates the record of a message, when its request is made. Its `messageId` must be unique in the run. */
  readonly recordOf: (message: Message) => Promise<TaskRecord> | TaskRecord;
  /** Gets the results of each request, and of messages that were not sent. Every message has one result in the end. */
  readonly onResults: (results: ReadonlyMap<Message, RedriveResult>) => Promise<void>;
  readonly isDryRun?: boolean;
  /** Default: no limit. */
  readonly rate?: MessageRate;
  /** Ends the run after the request in flight. Default: nothing does. */
  readonly signal?: AbortSignal;
}

/** Sends messages of a run. It may send several times: a group that is held back stays so for the run. */
export interface RedriveEngine<Message extends MessageOrder> {
  /**
   * Sends messages, each group in order. Resolves when every message has its result.
   * @throws {BrokenFunctionError} after too many failed requests in a row; what `invoke` or `onResults` threw.
   */
  readonly send: (messages: readonly Message[]) => Promise<void>;
}

/**
 * Requests in a row that fail before the function counts as broken. One message that makes the function crash causes eight
 * failed requests among a hundred messages, and each neighbour that does so causes one or a few more.
 */
export const maxFailuresInARow = 16;

/** Creates the result of a message that was not sent. */
export const unsent = (reason: string): RedriveResult => ({ outcome: "unsent", stays: true, reason });

const heldBack: RedriveResult = {
  ...unsent("an earlier change of its item, or of its shard, must be redriven first"),
  code: "EARLIER_CHANGE_FAILED",
};

/** State of a run. The type of its messages matters to the caller only. */
interface EngineRun extends Omit<RedriveEngineOptions<MessageOrder>, "signal"> {
  readonly signal: AbortSignal;
  /** Messages that wait. The last unit is next; messages of different units are never in one request. */
  units: (readonly MessageOrder[])[];
  /** Groups whose later messages are held back. */
  readonly heldBackGroups: Set<string>;
  /** Most messages of the next request, and of any request. */
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

/** Creates the next request, from the last unit: as many messages as a request may contain. */
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

/** Puts units before the others. The last one is next. */
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

/** Passes results on, and holds back what must not overtake a message that has to be retried. */
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

/** Halves a request that failed as a whole, until the message that makes the function fail is alone. */
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
  // Not before: messages whose request could not be made are still to be sent.
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
    // `send` takes messages of this type only.
    ...(options as unknown as RedriveEngineOptions<MessageOrder>),
    ...{ units: [], heldBackGroups: new Set(), size: maxSize, maxSize, failuresInARow: 0 },
  };
  return { send: (messages) => sendAll(run, messages) };
};
