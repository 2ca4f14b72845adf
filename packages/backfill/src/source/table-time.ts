// The time of DynamoDB's clock, because the clock of the machine may be wrong.

import { randomUUID } from "node:crypto";
import { type Clock, systemClock } from "@sluice/core/sink-kit";
import { type Micros, microsOf } from "../record/records.ts";
import { withRetries } from "./retries.ts";
import { SourceError } from "./source.ts";
import { tableFailure } from "./source-failure.ts";

/** The part of `DynamoDB` from `@aws-sdk/client-dynamodb` that `tableTime` uses. */
export interface TimeClient {
  readonly describeTable: (input: { readonly TableName: string }) => Promise<unknown>;
  readonly middlewareStack: { readonly remove: (name: string) => boolean };
}

/** Options of `tableTime`. */
export interface TableTimeOptions {
  readonly client: TimeClient;
  /** Name or ARN of a table that exists. */
  readonly table: string;
  readonly clock?: Pick<Clock, "sleep" | "random"> | undefined;
}

interface Answer {
  readonly response?: { readonly headers?: { readonly [name: string]: string | undefined } };
}

type Handler = (input: unknown) => Promise<Answer>;

interface MiddlewareStack {
  readonly add: (middleware: (next: Handler) => Handler, options: object) => void;
}

/** The header has seconds, so the time waits at most this long for the next second. */
const pollMs = 50;
const maxPolls = 40;

/** Notes the `Date` header of each answer, which the SDK does not pass on. */
const noteDates = (client: TimeClient, name: string, note: (date: string | undefined) => void): void => {
  (client.middlewareStack as unknown as MiddlewareStack).add(
    (next) => async (input) => {
      const answer = await next(input);
      note(answer.response?.headers?.date);
      return answer;
    },
    { step: "deserialize", name },
  );
};

/** Describes the table. Resolves with the date of the answer. */
const readDate = async ({ client, table, clock }: TableTimeOptions): Promise<string | undefined> => {
  let date: string | undefined;
  // Two calls at the same time need two names.
  const name = `sluiceDate-${randomUUID()}`;
  noteDates(client, name, (noted) => {
    date = noted;
  });
  try {
    await withRetries(() => client.describeTable({ TableName: table }), {
      failureOf: (error) => tableFailure(table, error),
      signal: new AbortController().signal,
      clock,
    });
  } finally {
    client.middlewareStack.remove(name);
  }
  return date;
};

const readTime = async (options: TableTimeOptions): Promise<number> => {
  const ms = Date.parse((await readDate(options)) ?? "");
  if (!Number.isNaN(ms)) return ms;
  throw new SourceError(`[table ${options.table}] DynamoDB's answer has no date; expected the header Date`);
};

/**
 * Returns the time of DynamoDB's clock, rounded down to the second, so never a later time. Waits for the next second:
 * the time of a later call is always later, also if a run is over within a second. Needs `dynamodb:DescribeTable`.
 * @throws {SourceError} when the table cannot be described, or when the answer has no `Date` header.
 */
export const tableTime = async (options: TableTimeOptions): Promise<Micros> => {
  const clock = options.clock ?? systemClock;
  const first = await readTime(options);
  const never = new AbortController().signal;
  for (let poll = 0; poll < maxPolls; poll += 1) {
    await clock.sleep(pollMs, never);
    const ms = await readTime(options);
    if (ms > first) return microsOf(ms);
  }
  return microsOf(first);
};
