// The queries of GET requests.

import type { ChangeFilter, RowOutcome } from "../api/changes.ts";
import { invalid, type Members, member, oneOf, optional, type Reader, text, wholeText } from "./read.ts";

/** The longest name of a pipeline or a route that is looked for. */
export const longestName = 200;

const outcomes: readonly RowOutcome[] = ["delivered", "superseded", "filtered", "rejected", "retried"];
const filterNames: readonly string[] = ["pipeline", "route", "outcome", "code", "kind", "key"];

/** The parameters of a query, each at most once. An empty one counts as missing, as a form sends it. */
const parameters = (query: URLSearchParams, names: readonly string[]): Members => {
  const entries = [...query].filter(([, value]) => value !== "");
  for (const [index, [name]] of entries.entries()) {
    if (!names.includes(name)) throw invalid("query", "another parameter", `no parameters but ${names.join(", ")}`);
    if (entries.findIndex(([other]) => other === name) !== index) throw invalid(name, "several values", "one value");
  }
  return Object.fromEntries(entries);
};

const filter = (of: Members): ChangeFilter => {
  const short: Reader<string | undefined> = optional(text(longestName));
  return {
    pipeline: member(of, "pipeline", short),
    route: member(of, "route", short),
    outcome: member(of, "outcome", optional(oneOf(...outcomes))),
    code: member(of, "code", short),
    kind: member(of, "kind", optional(oneOf("insert", "modify", "remove"))),
    // A key has at most 2,048 + 1,024 bytes.
    key: member(of, "key", optional(text(5_000))),
  };
};

/** Reads the query of `GET /api/live`. */
export const liveQuery = (query: URLSearchParams): ChangeFilter => filter(parameters(query, filterNames));

/** What `GET /api/changes` asks for. */
export interface ChangesQuery {
  readonly filter: ChangeFilter;
  readonly before: number | undefined;
  readonly limit: number;
}

/** Reads the query of `GET /api/changes`. */
export const changesQuery = (query: URLSearchParams): ChangesQuery => {
  const given = parameters(query, [...filterNames, "before", "limit"]);
  return {
    filter: filter(given),
    before: member(given, "before", optional(wholeText(0, Number.MAX_SAFE_INTEGER))),
    limit: member(given, "limit", optional(wholeText(1, 500))) ?? 100,
  };
};

/** Reads the query of `GET /api/dead-letters`: the queue's address. */
export const queueQuery = (query: URLSearchParams): string =>
  member(parameters(query, ["queue"]), "queue", text(2_000));

/** Refuses every parameter. */
export const noQuery = (query: URLSearchParams): void => {
  parameters(query, []);
};
