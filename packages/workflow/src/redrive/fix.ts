// The user's fix: it sees each dead letter before it is sent again, and may change its record or drop it.

import { isDeepStrictEqual } from "node:util";
import type { Envelope, PayloadStore } from "@sluice/core/envelope";
import {
  type Clock,
  ConfigError,
  checkClient,
  eachBounded,
  lazyClient,
  RecordError,
  SinkError,
  type StreamRecord,
} from "@sluice/core/sink-kit";
import type { LeftLetter } from "./message-result.ts";
import { required } from "../run/environment.ts";
import { RedriveInterruptedError } from "../run/errors.ts";
import { call, type LambdaClient, loadLambda } from "../../../redrive/src/lambda.ts";
import { type Letter, type ReadLetter, recordIn } from "../run/dead-letter.ts";

/**
 * What to do with a dead letter: send it with this record, drop it (it is deleted), or send it as it is. An envelope is
 * such an answer: `return { ...envelope, record }`.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a fix that returns nothing is one that changes nothing
export type FixAnswer = { readonly record: StreamRecord } | "drop" | undefined | null | void;

/**
 * Looks at one dead letter. It may change the images of the record, and add what a malformed one lacks; not its keys,
 * sequence number, stream or id. It is called again for a letter that comes again, so it must have no effect of its own.
 */
export type Fix = (envelope: Envelope, signal: AbortSignal) => FixAnswer | Promise<FixAnswer>;

/** What became of a letter: it is to be sent, dropped, or left where it is. */
export type Fixed = ReadLetter | { readonly letter: Letter; readonly dropped: true } | LeftLetter;

/** What fixing needs. */
export interface FixParts {
  /** Undefined: records are only fetched. */
  readonly fix: Fix | undefined;
  readonly fixTimeoutMs: number;
  readonly payloadStore: PayloadStore | undefined;
  readonly clock: Clock;
  /** What is left of the invocation. */
  readonly remainingMs: () => number;
}

export interface LambdaFixOptions {
  /** Name or ARN of the function. Default: `SLUICE_FIX_FUNCTION` of the environment. */
  readonly functionName?: string;
  /** Default: a `Lambda` client with the SDK's own defaults. */
  readonly client?: LambdaClient;
}

/**
 * A fix that is a Lambda function of its own: it gets the envelope and answers `{ record }`, `"drop"` or `null`. The
 * batch's function needs `lambda:InvokeFunction` on it.
 * @throws {ConfigError} CONFIG_INVALID when there is no name.
 */
export const lambdaFix = ({ functionName, client }: LambdaFixOptions = {}): Fix => {
  const name = required("functionName", functionName, "SLUICE_FIX_FUNCTION");
  checkClient(client, "invoke", "a Lambda client of @aws-sdk/client-lambda");
  const connection = lazyClient<LambdaClient>(client, loadLambda);
  return async (envelope, signal) => {
    const answer = await call(await connection.get(), name, { input: envelope, signal });
    if ("failed" in answer) throw Object.assign(new Error("the fix function failed"), { name: answer.failed });
    return answer.value as FixAnswer;
  };
};

const fixesAtOnce = 8;

/** What tells the guard and the idempotency key which change this is: with another, a redrive would write something else. */
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

/** The record as JSON has it: bytes are base64 text, as Lambda delivers them. */
const asJson = (record: StreamRecord): StreamRecord => {
  const text = JSON.stringify(record, function (this: Record<string, unknown>, name, value: unknown) {
    // A Buffer has been made something else by now.
    const held = this[name];
    return held instanceof Uint8Array ? Buffer.from(held).toString("base64") : value;
  });
  return JSON.parse(text);
};

const isRecord = (value: unknown): value is StreamRecord => typeof value === "object" && value !== null;

const invalid = (letter: Letter, reason: string): Fixed => ({ letter, code: "FIX_INVALID", reason });

const applied = (letter: Letter, record: StreamRecord, answer: FixAnswer): Fixed => {
  if (answer === undefined || answer === null) return { ...letter, record };
  if (answer === "drop") return { letter, dropped: true };
  const given: unknown = answer.record;
  if (!isRecord(given)) return invalid(letter, 'the fix answered no { record }, and neither "drop" nor nothing');
  const fixedRecord = asJson(given);
  if (!keepsIdentity(record, fixedRecord)) {
    return invalid(letter, "the fix changed the record's keys, sequence number, stream or id");
  }
  return isDeepStrictEqual(record, fixedRecord) ? { ...letter, record } : { ...letter, record, fixedRecord };
};

/** Rejects when the fix throws, or does not answer in time. */
const inTime = async (fix: Fix, envelope: Envelope, { fixTimeoutMs, clock }: FixParts): Promise<FixAnswer> => {
  const over = new AbortController();
  const late = new AbortController();
  const limit = clock.sleep(fixTimeoutMs, over.signal).then(() => {
    late.abort();
    throw Object.assign(new Error("the fix did not answer in time"), { name: "TimeoutError" });
  });
  // Nobody hears of a race that is lost.
  limit.catch(() => {});
  try {
    return await Promise.race([(async () => fix(envelope, late.signal))(), limit]);
  } finally {
    over.abort();
  }
};

/** Of the user's own error only its name is told: its message may quote values. */
const failure = (letter: Letter, error: unknown): Fixed => {
  if (error instanceof RecordError || error instanceof SinkError) {
    return { letter, code: error.code, reason: error.message };
  }
  return { letter, code: "FIX_FAILED", reason: `the fix threw ${error instanceof Error ? error.name : "no Error"}` };
};

/** @throws {RedriveInterruptedError} when Lambda may end the invocation in the middle of a fix. */
const checkTime = ({ fix, remainingMs, fixTimeoutMs }: FixParts): void => {
  if (fix === undefined || remainingMs() >= fixTimeoutMs) return;
  const found = "the invocation has less time left than one fix may take";
  const expected = "expected a smaller chunkSize or fixTimeoutMs, or a longer timeout of the function";
  throw new RedriveInterruptedError("REDRIVE_INTERRUPTED", `${found}; ${expected}`);
};

const fixOne = async (letter: Letter, parts: FixParts): Promise<Fixed> => {
  const { envelope } = letter;
  if (envelope === undefined) return { ...letter, record: undefined };
  checkTime(parts);
  try {
    const record = await recordIn(envelope, parts.payloadStore);
    if (parts.fix === undefined) return { ...letter, record };
    // A copy: a fix that changes what it was given must not change what its answer is compared with.
    const given = { ...envelope, record: asJson(record) };
    return applied(letter, record, await inTime(parts.fix, given, parts));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    return failure(letter, error);
  }
};

/** What the fix makes of each letter, in their order. A letter without an envelope is passed on as it is. */
export const fixed = (letters: readonly Letter[], parts: FixParts): Promise<readonly Fixed[]> =>
  eachBounded(letters, fixesAtOnce, (letter) => fixOne(letter, parts));
