// The time of DynamoDB's clock, because the clock of the machine may be wrong.

import { type Clock, systemClock } from "@sluice/core/sink-kit";
import { type Micros, microsOf } from "../record/records.ts";
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
  readonly clock?: Pick<Clock, "sleep"> | undefined;
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

const middlewareName = "sluiceDate";

/** Notes the `Date` header of each answer, which the SDK does not pass on. */
const noteDates = (client: TimeClient, note: (date: string | undefined) => void): void => {
  (client.middlewareStack as unknown as MiddlewareStack).add(
    (next) => async (input) => {
      const answer = await next(input);
      note(answer.response?.headers?.date);
      return answer;
    },
    { step: "deserialize", name: middlewareName, override: true },
  );
};

const readTime = async ({ client, table }: TableTimeOptions): Promise<number> => {
  let date: string | undefined;
  noteDates(client, (noted) => {
    date = noted;
  });
  try {
    await client.describeTable({ TableName: table });
  } catch (error) {
    throw tableFailure(table, error).error;
  } finally {
    client.middlewareStack.remove(middlewareName);
  }
  const ms = Date.parse(date ?? "");
  if (!Number.isNaN(ms)) return ms;
  throw new SourceError(`[table ${table}] DynamoDB's answer has no date; expected the header Date`);
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
