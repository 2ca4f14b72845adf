// The user's fix: a function that inspects each dead letter before the redrive. It may change or drop the dead letter.

import { isDeepStrictEqual } from "node:util";
import type { Envelope, PayloadStore } from "@sluice/core/envelope";
import {
  type Clock,
  ConfigError,
  checkClient,
  checkOptionNames,
  eachBounded,
  type LazyClient,
  lazyClient,
  missingDependency,
  RecordError,
  SinkError,
  type StreamRecord,
  untilAborted,
} from "@sluice/core/sink-kit";
import { FunctionFailedError, invokeFunction, type LambdaClient, withRecord } from "@sluice/redrive";
import type { DeadLetter, DeadLetterWithRecord } from "./dead-letter.ts";
import { required, user } from "./environment.ts";
import { RedriveInterruptedError } from "./errors.ts";
import type { MessageResult } from "./message-result.ts";

/**
 * Answer of a fix. `{ record }`: the dead letter is sent with this record. `"drop"`: the dead letter is deleted. No
 * answer: the dead letter is sent unchanged. Other members are ignored, so `{ ...envelope, record }` is possible, too.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a fix that returns nothing changes nothing
export type FixAnswer = { readonly record: StreamRecord } | "drop" | undefined | null | void;

/**
 * Inspects one dead letter. A fix may change the record's images and add missing members. It must not change the
 * record's keys, sequence number, stream or id. It must have no side effects: a dead letter may be inspected twice.
 */
export type Fix = (envelope: Envelope, signal: AbortSignal) => FixAnswer | Promise<FixAnswer>;

/** What happens after the fix: a `DeadLetterWithRecord` is sent. A `MessageResult` is final: dropped, or left. */
export type FixResult = DeadLetterWithRecord | MessageResult;

/** The user's fix, its time limits, and the store from which records are fetched. */
export interface FixContext {
  /** If `fix` is undefined, `applyFix` only fetches the records. */
  readonly fix: Fix | undefined;
  readonly fixTimeoutMs: number;
  readonly payloadStore: PayloadStore | undefined;
  readonly clock: Clock;
  /** Returns the milliseconds that the invocation has left. */
  readonly remainingMs: () => number;
}

/** Options of a fix that is a Lambda function. */
export interface LambdaFixOptions {
  /** Name or ARN of the function. Default: the variable `SLUICE_FIX_FUNCTION` of the environment. */
  readonly functionName?: string;
  /** Default: a client of the SDK with default settings. */
  readonly client?: LambdaClient;
}

/**
 * Creates a fix that calls a Lambda function with the envelope. The function returns `{ record }`, `"drop"` or `null`.
 * The batch function's role needs the permission `lambda:InvokeFunction` for the called function.
 * @throws {ConfigError} CONFIG_INVALID when the function's name is missing.
 */
export const lambdaFix = (options: LambdaFixOptions = {}): Fix => {
  checkOptionNames("lambdaFix", options, { functionName: true, client: true });
  const { functionName, client } = options;
  const name = required("functionName", functionName, "SLUICE_FIX_FUNCTION");
  const connection = lambdaConnection(client);
  return async (envelope, signal) =>
    (await invokeFunction(await connection.get(), name, envelope, signal)) as FixAnswer;
};

/** Returns the user's client, or by default a client of the SDK. @throws {ConfigError} when `given` is not a client. */
export const lambdaConnection = (given: LambdaClient | undefined): LazyClient<LambdaClient> => {
  checkClient(given, "invoke", "a Lambda client of @aws-sdk/client-lambda");
  return lazyClient(given, async () => {
    const { Lambda } = await import("@aws-sdk/client-lambda").catch(missingDependency(user, "@aws-sdk/client-lambda"));
    return new Lambda({});
  });
};

const fixesAtOnce = 8;

/** Returns the record's members that identify the change. The sinks' guard and idempotency keys depend on them. */
const identityOf = ({ eventID, eventName, eventSourceARN, dynamodb }: StreamRecord): readonly unknown[] => [
  eventID,
  eventName,
  eventSourceARN,
  dynamodb?.Keys,
  dynamodb?.SequenceNumber,
];

const keepsIdentity = (before: StreamRecord, after: StreamRecord): boolean => {
  const given = identityOf(after);
  return identityOf(before).every((part, index) => part === undefined || isDeepStrictEqual(part, given[index]));
};

/** Converts a record to plain JSON. Bytes become base64 text, as in the events that Lambda sends. */
const asJson = (record: StreamRecord): StreamRecord => {
  const text = JSON.stringify(record, function (this: Record<string, unknown>, name, value: unknown) {
    // `value` is what `JSON.stringify` has already made of a Buffer. The original is in `this[name]`.
    const held = this[name];
    return held instanceof Uint8Array ? Buffer.from(held).toString("base64") : value;
  });
  return JSON.parse(text);
};

const isRecord = (value: unknown): value is StreamRecord => typeof value === "object" && value !== null;

const invalid = (deadLetter: DeadLetter, reason: string): FixResult => ({ deadLetter, code: "FIX_INVALID", reason });

const resultOf = (deadLetter: DeadLetter, record: StreamRecord, answer: FixAnswer): FixResult => {
  if (answer === undefined || answer === null) return { ...deadLetter, record };
  if (answer === "drop") return { deadLetter, outcome: "dropped" };
  const given: unknown = answer.record;
  if (!isRecord(given)) return invalid(deadLetter, 'the fix returned neither { record } nor "drop" nor nothing');
  const fixedRecord = asJson(given);
  if (!keepsIdentity(record, fixedRecord)) {
    return invalid(deadLetter, "the fix changed the record's keys, sequence number, stream or id");
  }
  return isDeepStrictEqual(record, fixedRecord) ? { ...deadLetter, record } : { ...deadLetter, record, fixedRecord };
};

const timedOut = (): Error => Object.assign(new Error("the fix did not answer in time"), { name: "TimeoutError" });

/** Calls the fix. Rejects when the fix throws an error, or does not answer within `fixTimeoutMs`. */
const callFix = async (fix: Fix, envelope: Envelope, { fixTimeoutMs, clock }: FixContext): Promise<FixAnswer> => {
  const [answered, timeout] = [new AbortController(), new AbortController()];
  const answer = untilAborted((async () => fix(envelope, timeout.signal))(), timeout.signal, timedOut);
  void clock.sleep(fixTimeoutMs, answered.signal).then(() => timeout.abort());
  try {
    return await answer;
  } finally {
    answered.abort();
  }
};

/** Returns the result for an error. Of the fix's own error, reports only the name: the text may contain item values. */
const failureOf = (deadLetter: DeadLetter, error: unknown): FixResult => {
  if (error instanceof RecordError || error instanceof SinkError) {
    return { deadLetter, code: error.code, reason: error.message };
  }
  const thrown = error instanceof Error ? error.name : "a value that is not an Error";
  const name = error instanceof FunctionFailedError ? error.errorType : thrown;
  return { deadLetter, code: "FIX_FAILED", reason: `the fix threw ${name}` };
};

/** @throws {RedriveInterruptedError} when less than `fixTimeoutMs` of the invocation's time is left. */
const checkTime = ({ fix, remainingMs, fixTimeoutMs }: FixContext): void => {
  if (fix === undefined || remainingMs() >= fixTimeoutMs) return;
  const found = "the invocation has less time left than one fix may take";
  const expected = "expected a smaller chunkSize or fixTimeoutMs, or a longer timeout of the function";
  throw new RedriveInterruptedError("REDRIVE_INTERRUPTED", `${found}; ${expected}`);
};

const fixOne = async (deadLetter: DeadLetter, parts: FixContext): Promise<FixResult> => {
  const { envelope } = deadLetter;
  if (envelope === undefined) return { ...deadLetter, record: undefined };
  checkTime(parts);
  try {
    const { record } = await withRecord(envelope, parts.payloadStore);
    if (parts.fix === undefined) return { ...deadLetter, record };
    // The fix gets a copy, which it may change. The original is compared with the answer later.
    const given = { ...envelope, record: asJson(record) };
    return resultOf(deadLetter, record, await callFix(parts.fix, given, parts));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    return failureOf(deadLetter, error);
  }
};

/** Applies the fix to dead letters. Returns one result for each, in order. Skips messages without an envelope. */
export const applyFix = (deadLetters: readonly DeadLetter[], parts: FixContext): Promise<readonly FixResult[]> =>
  eachBounded(deadLetters, fixesAtOnce, (deadLetter) => fixOne(deadLetter, parts));
