// Sends the records of a page to the pipeline's handler until each record has its last outcome.

import type { MessageOutcome, Outcome, StreamRecord } from "@sluice/core/envelope";
import type { Clock } from "@sluice/core/sink-kit";
import type { Invoke, TaskEvent } from "../record/task.ts";
import { checkedOutcomes } from "./answer.ts";
import { FunctionBrokenError, FunctionUnreachableError, type RecordFailure } from "./failure.ts";

/** Limits of requests and of repeats. */
export interface SendLimits {
  /** Maximum number of records in a request. Default 1,000. */
  readonly maxRecords?: number;
  /**
   * Maximum bytes of a request's JSON. Default 6,000,000: slightly less than Lambda's limit. `Infinity` saves the work of
   * measuring, if the handler runs in this process.
   */
  readonly maxBytes?: number;
  /** Attempts of a record whose failure is transient. Default 6. */
  readonly maxAttempts?: number;
  /** Delay before the second attempt. It doubles each time, and half of it is random. Default 500. */
  readonly firstDelayMs?: number;
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (read 2026-11-25) */
const defaultMaxBytes = 6_000_000;

const defaults: Required<SendLimits> = {
  maxRecords: 1_000,
  maxBytes: defaultMaxBytes,
  maxAttempts: 6,
  firstDelayMs: 500,
};

const longestDelayMs = 10_000;

/**
 * Number of requests in a row after which the function counts as broken. One record that crashes the function lets eleven
 * requests of a thousand records fail before it is alone, and fails alone twice.
 */
const maxFailuresInARow = 30;

/** How the records are sent. */
export interface Sending {
  readonly invoke: Invoke;
  readonly task: "backfill" | "replay";
  readonly routes: readonly string[] | undefined;
  readonly limits: SendLimits | undefined;
  readonly clock: Clock;
  /** Aborts a wait between two attempts. Does not abort requests in flight. */
  readonly signal: AbortSignal;
  readonly isOver: () => boolean;
}

/** The last outcomes of a page's records. */
export interface SentRecords {
  readonly outcomes: readonly Outcome[];
  readonly failures: readonly RecordFailure[];
}

/** A record that is on its way, and its latest failure. */
interface Sent {
  readonly record: StreamRecord;
  outcome?: MessageOutcome;
}

/** The state of one page. */
interface PageSending extends Required<SendLimits> {
  readonly sending: Sending;
  /** Parts of the page that are still to be sent in this attempt. The last one is sent next. */
  parts: (readonly Sent[])[];
  /** Maximum number of records in the next request. */
  size: number;
  failuresInARow: number;
}

const eventOf = ({ task, routes }: Sending, records: readonly StreamRecord[]): TaskEvent => ({
  sluice: { task, ...(routes !== undefined && { routes }) },
  Records: records,
});

/** Number of the part's first records that fit into one request. At least one. */
const fitting = ({ sending, maxBytes, size }: PageSending, part: readonly Sent[]): number => {
  const most = Math.min(size, part.length);
  if (maxBytes === Number.POSITIVE_INFINITY) return most;
  let bytes = Buffer.byteLength(JSON.stringify(eventOf(sending, [])));
  let count = 0;
  for (const { record } of part.slice(0, most)) {
    bytes += Buffer.byteLength(JSON.stringify(record)) + 1;
    if (bytes > maxBytes && count > 0) break;
    count += 1;
  }
  return count;
};

/** Whether the handler ran out of time before it attempted the record. */
const isUnattempted = ({ outcome }: Sent): boolean =>
  outcome?.outcome === "retried" && outcome.code === "DEADLINE_EXCEEDED";

const succeed = (page: PageSending, part: readonly Sent[], outcomes: readonly MessageOutcome[]): void => {
  part.forEach((sent, index) => {
    sent.outcome = outcomes[index] as MessageOutcome;
  });
  page.failuresInARow = 0;
  const unattempted = part.filter(isUnattempted);
  const attempted = part.length - unattempted.length;
  page.size = unattempted.length === 0 ? Math.min(page.maxRecords, page.size * 2) : Math.max(1, attempted);
  // Without any progress, the records wait for the next attempt.
  if (unattempted.length > 0 && attempted > 0) page.parts.push(unattempted);
};

const isFinal = (error: Error): boolean =>
  error instanceof FunctionUnreachableError ||
  error instanceof FunctionBrokenError ||
  error.name === "ConfigError" ||
  (error as { readonly errorType?: string }).errorType === "ConfigError";

/** Names of errors whose messages contain no item values. */
const plainErrors = /^(Config|Record|Sink|Deadline|FunctionFailed)Error$/;

const failureOf = ({
  name,
  message,
  code,
}: Error & { readonly code?: unknown }): Omit<MessageOutcome, "itemIdentifier"> => ({
  outcome: "retried",
  code: typeof code === "string" ? code : "FUNCTION_FAILED",
  message: plainErrors.test(name) ? message : `${name}; its text is withheld because it may quote values`,
});

/** Halves a failed request. After a few halvings, the record that causes the failure is sent alone. */
const fail = (page: PageSending, part: readonly Sent[], thrown: unknown): void => {
  const error = thrown instanceof Error ? thrown : new Error("the function threw no error");
  if (isFinal(error)) throw error;
  page.failuresInARow += 1;
  if (page.failuresInARow >= maxFailuresInARow) {
    const { message } = failureOf(error);
    throw new FunctionBrokenError(`${page.failuresInARow} requests in a row failed: ${message}`, { cause: error });
  }
  const [alone] = part;
  if (part.length === 1 && alone !== undefined) {
    alone.outcome = { itemIdentifier: alone.record.eventID ?? "", ...failureOf(error) };
    return;
  }
  const middle = Math.ceil(part.length / 2);
  page.parts.push(part.slice(middle), part.slice(0, middle));
};

const sendNext = async (page: PageSending): Promise<void> => {
  const part = page.parts.pop() ?? [];
  const count = fitting(page, part);
  if (count < part.length) page.parts.push(part.slice(count));
  const request = part.slice(0, count);
  const { sending } = page;
  // The request gets a signal that never aborts: an interrupted run finishes its page.
  const event = eventOf(
    sending,
    request.map(({ record }) => record),
  );
  const answered = sending.invoke(event, new AbortController().signal);
  const outcomes = await answered.then(
    (answer) => checkedOutcomes(answer, request.length),
    (error: unknown) => fail(page, request, error),
  );
  if (outcomes !== undefined) succeed(page, request, outcomes);
};

const isRetried = ({ outcome }: Sent): boolean => outcome?.outcome === "retried";

const delayMs = ({ firstDelayMs, sending }: PageSending, attempt: number): number => {
  const most = Math.min(longestDelayMs, firstDelayMs * 2 ** (attempt - 1));
  return most / 2 + (most / 2) * sending.clock.random();
};

const recordFailure = ({ record, outcome }: Sent): RecordFailure[] => {
  if (outcome?.outcome !== "rejected" && outcome?.outcome !== "retried") return [];
  const { route, code = "UNKNOWN", message = "" } = outcome;
  const keys = record.dynamodb?.Keys ?? {};
  return [{ keys, kind: outcome.outcome, ...(route !== undefined && { route }), code, message }];
};

/**
 * Sends records, in order, until each one has its last outcome. Resolves with undefined if `signal` or `isOver` ended a
 * wait between two attempts: the page must then be read again.
 * @throws {FunctionBrokenError} {FunctionUnreachableError} when no record can be sent.
 */
export const sendRecords = async (
  records: readonly StreamRecord[],
  sending: Sending,
): Promise<SentRecords | undefined> => {
  const limits = { ...defaults, ...sending.limits };
  const page: PageSending = { ...limits, sending, parts: [], size: limits.maxRecords, failuresInARow: 0 };
  const all: readonly Sent[] = records.map((record) => ({ record }));
  let left = all;
  for (let attempt = 1; left.length > 0; attempt += 1) {
    page.parts = [left];
    while (page.parts.length > 0) await sendNext(page);
    left = left.filter(isRetried);
    if (left.length === 0 || attempt >= limits.maxAttempts) break;
    if (!sending.signal.aborted && !sending.isOver()) await sending.clock.sleep(delayMs(page, attempt), sending.signal);
    if (sending.signal.aborted || sending.isOver()) return undefined;
  }
  return { outcomes: all.map(({ outcome }) => outcome?.outcome ?? "filtered"), failures: all.flatMap(recordFailure) };
};
