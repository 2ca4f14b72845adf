// The bodies of POST requests.

import type { DeadLetterEdit, DeadLetterSelection } from "../api/dead-letters.ts";
import type { ItemQuestion } from "../api/item.ts";
import type { BackfillInput, RedriveInput, RunInput, VerifyInput } from "../api/runs.ts";
import { image, keys } from "./images.ts";
import { longestName } from "./queries.ts";
import { bool, list, type Members, member, members, number, oneOf, optional, type Reader, text } from "./read.ts";

const body = "body";
const address = text(2_000);
/** SQS' ids have 36 characters; those of a file's lines may be longer. */
const id = text(200);
/** As many as a body can hold. */
const mostIds = 100_000;

/** Reads the body of requests for an item. */
export const itemQuestion = (value: unknown): ItemQuestion => {
  const of = members(value, body, ["pipeline", "keys"]);
  return { pipeline: member(of, "pipeline", text(longestName)), keys: member(of, "keys", keys) };
};

/** Names one dead letter. */
export interface DeadLetterName {
  readonly queueUrl: string;
  readonly id: string;
}

const nameOf = (of: Members): DeadLetterName => ({
  queueUrl: member(of, "queueUrl", address),
  id: member(of, "id", id),
});

/** Reads the body of `POST /api/dead-letters/show`. */
export const deadLetterName = (value: unknown): DeadLetterName => nameOf(members(value, body, ["queueUrl", "id"]));

/** Reads the body of `POST /api/dead-letters/edit`. */
export const deadLetterEdit = (value: unknown): DeadLetterEdit => {
  const of = members(value, body, ["queueUrl", "id", "newImage"]);
  return { ...nameOf(of), newImage: member(of, "newImage", image) };
};

/** Reads the body of `POST /api/dead-letters/export` and `…/drop`. */
export const deadLetterSelection = (value: unknown): DeadLetterSelection => {
  const of = members(value, body, ["queueUrl", "ids"]);
  return { queueUrl: member(of, "queueUrl", address), ids: member(of, "ids", list(id, mostIds)) };
};

/** Reads an optional member. One that is missing is not a member of the result, as exact types demand. */
const given = <Name extends string, Value>(
  of: Members,
  name: Name,
  read: Reader<Value>,
): { readonly [Key in Name]?: Value } => {
  const value = member(of, name, optional(read));
  return value === undefined ? {} : ({ [name]: value } as { readonly [Key in Name]?: Value });
};

const routes = list(text(longestName), 1_000);
const pipelineOf = (of: Members): string => member(of, "pipeline", text(longestName));

const backfill = (value: unknown): BackfillInput => {
  const of = members(value, body, ["kind", "pipeline", "routes", "isDryRun", "itemsPerSecond"]);
  return {
    kind: "backfill",
    pipeline: pipelineOf(of),
    ...given(of, "routes", routes),
    ...given(of, "isDryRun", bool),
    ...given(of, "itemsPerSecond", number({ above: 0, to: 1_000_000 })),
  };
};

const verify = (value: unknown): VerifyInput => {
  const of = members(value, body, ["kind", "pipeline", "routes", "sample", "graceSeconds", "repairs"]);
  return {
    kind: "verify",
    pipeline: pipelineOf(of),
    ...given(of, "routes", routes),
    ...given(of, "sample", number({ above: 0, to: 1 })),
    ...given(of, "graceSeconds", number({ above: 0, to: 86_400 })),
    ...given(of, "repairs", bool),
  };
};

const redrive = (value: unknown): RedriveInput => {
  const of = members(value, body, ["kind", "pipeline", "queueUrl", "ids", "isDryRun"]);
  return {
    kind: "redrive",
    pipeline: pipelineOf(of),
    queueUrl: member(of, "queueUrl", address),
    ...given(of, "ids", list(id, mostIds)),
    ...given(of, "isDryRun", bool),
  };
};

const runs = { backfill, verify, redrive };

/** Reads the body of `POST /api/runs`. */
export const runInput = (value: unknown): RunInput => {
  const kinds = [
    "kind",
    "pipeline",
    "routes",
    "isDryRun",
    "itemsPerSecond",
    "sample",
    "graceSeconds",
    "repairs",
    "queueUrl",
    "ids",
  ];
  const kind = member(members(value, body, kinds), "kind", oneOf("backfill", "verify", "redrive"));
  return runs[kind](value);
};

/** Reads a body that says nothing: no body, or an object without members. */
export const nothing = (value: unknown): void => {
  if (value !== undefined) members(value, body, []);
};
