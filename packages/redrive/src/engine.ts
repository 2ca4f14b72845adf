// The second half of a redrive: requests to the handler, one after the other. A later change of an item is never sent
// after an earlier one that must come again.

import type { Spool } from "../../cli/src/files/temporary-file.ts";
import { FunctionFailedError, type Invoker } from "../../cli/src/redrive/invoker.ts";
import type { Pace } from "../../cli/src/redrive/pace.ts";
import type { Entry, Settled } from "../../cli/src/redrive/delivery-unit.ts";
import {
  eventOverhead,
  messageBytes,
  redriveEvent,
  type TaskAnswer,
  type TaskMessage,
  taskAnswer,
  taskLimits,
} from "./task.ts";

/** What became of one entry, with the handler's reason. */
export interface EntryResult extends Settled {
  readonly code?: string;
  readonly reason?: string;
}

/** What sending needs, over all rounds of a redrive. */
export interface Sending {
  readonly invoker: Invoker;
  readonly spool: Spool;
  readonly isDryRun: boolean;
  readonly perSecond: number | undefined;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  /** Takes the results of a request, and of what was not sent. */
  readonly settle: (results: ReadonlyMap<Entry, EntryResult>) => Promise<void>;
}

/** Sends entries that are in order. Every one is settled in the end, whatever happens. */
export type Send = (entries: readonly Entry[]) => Promise<void>;

/** Entries by themselves that fail in a row with the whole function: the next will too. */
const mostFailuresInRow = 3;

/** The result of what was not sent, and why. */
export const unsent = (reason: string): EntryResult => ({ outcome: "unsent", stays: true, reason });

const behind = unsent("an earlier change of its item, or of its shard, is to be redriven first");

/** What is sent, from the end of the pile, and what is known of it so far. */
interface Dispatch extends Sending {
  readonly pile: Entry[];
  /** Lanes whose earlier changes must come again. */
  readonly blocked: Set<string>;
  /** Messages of the next request, at most, and of any. */
  size: number;
  readonly largest: number;
  failuresInRow: number;
}

interface Task {
  readonly entries: readonly Entry[];
  readonly messages: readonly TaskMessage[];
}

/** The next request: as many entries as it may hold. They are off the pile. */
const nextTask = async ({ pile, spool, size }: Dispatch): Promise<Task> => {
  const entries: Entry[] = [];
  const messages: TaskMessage[] = [];
  let bytes = eventOverhead;
  for (let entry = pile.at(-1); entry !== undefined && entries.length < size; entry = pile.at(-1)) {
    const message = { messageId: entry.id, body: await spool.read(entry.place) };
    bytes += messageBytes(message);
    if (bytes > taskLimits.bytes && entries.length > 0) break;
    pile.pop();
    entries.push(entry);
    messages.push(message);
  }
  return { entries, messages };
};

const putOnTop = ({ pile }: Dispatch, entries: readonly Entry[]): void => void pile.push(...[...entries].reverse());

/** Settles, and takes off the pile what must not overtake what is to be retried. */
const settleAll = async (dispatch: Dispatch, results: ReadonlyMap<Entry, EntryResult>): Promise<void> => {
  const { pile, blocked, settle } = dispatch;
  const before = blocked.size;
  for (const [{ lane }, { outcome }] of results) if (outcome === "retried") blocked.add(lane);
  await settle(results);
  if (blocked.size > before) await skipBlocked(dispatch, pile);
};

const skipBlocked = async ({ blocked, settle }: Dispatch, pile: Entry[]): Promise<void> => {
  const skipped = pile.filter(({ lane }) => blocked.has(lane));
  if (skipped.length === 0) return;
  pile.splice(0, pile.length, ...pile.filter(({ lane }) => !blocked.has(lane)));
  await settle(new Map(skipped.map((entry) => [entry, behind])));
};

const resultOf = ({ id }: Entry, answer: TaskAnswer, isDryRun: boolean): EntryResult => {
  const { outcome, code, message } = answer.outcomeOf(id);
  const stays = answer.stays(id) || outcome === "retried" || (isDryRun && outcome === "rejected");
  return { outcome, stays, ...(code !== undefined && { code }), ...(message !== undefined && { reason: message }) };
};

/** Not attempted: the function's time was over. */
const isUnstarted = (result: EntryResult | undefined): boolean =>
  result?.outcome === "retried" && result.code === "DEADLINE_EXCEEDED";

const succeed = async (dispatch: Dispatch, { entries }: Task, answer: TaskAnswer): Promise<void> => {
  const results = new Map(entries.map((entry) => [entry, resultOf(entry, answer, dispatch.isDryRun)]));
  const unstarted = entries.length === 1 ? [] : entries.filter((entry) => isUnstarted(results.get(entry)));
  dispatch.failuresInRow = 0;
  dispatch.size = Math.min(dispatch.largest, dispatch.size * 2);
  if (unstarted.length > 0) {
    // What the function's time did not suffice for is asked for again, in smaller requests.
    dispatch.size = entries.length - unstarted.length || Math.ceil(entries.length / 2);
    for (const entry of unstarted) results.delete(entry);
    putOnTop(dispatch, unstarted);
  }
  await settleAll(dispatch, results);
};

/** Halves a request that failed as a whole, until the message that makes it fail is alone. */
const fail = async (dispatch: Dispatch, { entries }: Task, error: FunctionFailedError): Promise<void> => {
  dispatch.size = Math.ceil(entries.length / 2);
  if (entries.length > 1) return putOnTop(dispatch, entries);
  dispatch.failuresInRow += 1;
  const result: EntryResult = { outcome: "retried", stays: true, code: "FUNCTION_FAILED", reason: error.message };
  await settleAll(dispatch, new Map(entries.map((entry) => [entry, result])));
  if (dispatch.failuresInRow === mostFailuresInRow) throw error;
};

/** The handler's answer, or that it failed as a whole. What could not be asked for is on the pile again. */
const ask = async (dispatch: Dispatch, { entries, messages }: Task): Promise<TaskAnswer | FunctionFailedError> => {
  try {
    return taskAnswer(await dispatch.invoker.invoke(redriveEvent(messages, dispatch.isDryRun)));
  } catch (error) {
    if (error instanceof FunctionFailedError) return error;
    putOnTop(dispatch, entries);
    throw error;
  }
};

const sendNext = async (dispatch: Dispatch): Promise<void> => {
  const { pace, signal } = dispatch;
  const task = await nextTask(dispatch);
  await pace(task.entries.length, signal);
  if (signal.aborted) return putOnTop(dispatch, task.entries);
  const answer = await ask(dispatch, task);
  await (answer instanceof FunctionFailedError ? fail(dispatch, task, answer) : succeed(dispatch, task, answer));
};

/** Makes the sender of a redrive, which remembers from round to round what must not be overtaken. */
export const sender = (sending: Sending): Send => {
  const largest = Math.min(taskLimits.messages, sending.perSecond ?? Number.POSITIVE_INFINITY);
  const dispatch: Dispatch = { ...sending, pile: [], blocked: new Set(), size: largest, largest, failuresInRow: 0 };
  const { pile, signal, settle } = dispatch;
  return async (entries) => {
    putOnTop(dispatch, entries);
    let reason = "the redrive was interrupted";
    try {
      await skipBlocked(dispatch, pile);
      while (pile.length > 0 && !signal.aborted) await sendNext(dispatch);
    } catch (error) {
      reason = "the redrive ended early";
      throw error;
    } finally {
      await settle(new Map(pile.splice(0).map((entry) => [entry, unsent(reason)])));
    }
  };
};
