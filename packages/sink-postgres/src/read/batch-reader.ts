// Sends the statements of `read` and `canonical`. They use the plan, the encoder and the search for refused rows of a write.

import {
  type CopyContent,
  type DeliveryError,
  delivered,
  type HeldCopy,
  outcomeOf,
  type UpsertDelivery,
  type WriteResult,
} from "@sluice/core/sink-kit";
import type { RowEntry } from "../encode.ts";
import { literals } from "../write/parameters.ts";
import type { WritePlan, WriteStatements } from "../write/plan.ts";
import { type PartAnswer, stale } from "../write/send-rows.ts";
import { statementsFor } from "../write/statement-sets.ts";
import { findStrays, type OwnedRowEntry, owned, owners, type Strays } from "../write/strays.ts";
import { type BatchCall, type ChooseWriter, type PartWriter, sendBatch } from "../write/write-batch.ts";
import { addChildren } from "./canonical-children.ts";
import { computeContents } from "./canonical-reader.ts";
import { contentOf } from "./cell-text.ts";
import { addChild, type ChildTexts } from "./child-text.ts";
import { heldCopy, withStrays } from "./held-copy.ts";
import { type FoundRow, readStatement } from "./read-statements.ts";
import { rowsByPosition } from "./text-rows.ts";

type Delivery = UpsertDelivery<unknown>;

/** The SQL texts by the columns of the statement. */
const readTexts = new WeakMap<WriteStatements, string>();

const readTextOf = (
  { settings }: BatchCall,
  { keys, children }: WritePlan,
  statements: WriteStatements,
  isShared: boolean,
): string => {
  const known = readTexts.get(statements);
  if (known !== undefined) return known;
  const text = readStatement({ relations: settings.relations, keys, columns: statements.columns, isShared, children });
  readTexts.set(statements, text);
  return text;
};

/** Whether a text column has JSON, by the column's index in the statement. */
const jsonCheck =
  (plan: WritePlan, positions: readonly number[], message: unknown) =>
  (index: number): boolean =>
    plan.isJson(message, positions[index] ?? index);

const rowsOf = ({ children }: WritePlan, row: FoundRow | undefined): readonly (readonly ChildTexts[])[] =>
  children.map((_, index) => JSON.parse(row?.[`x${index}`] ?? "[]") as readonly ChildTexts[]);

/** Adds the rows of the child tables to the content of a row. */
const withChildren = (
  { childReads }: WritePlan,
  content: Record<string, string>,
  children: readonly (readonly ChildTexts[])[],
  message: unknown,
): CopyContent => {
  const isJson = childReads.isJson(message);
  for (const [index, rows] of children.entries()) addChild(content, childReads, index, rows, isJson);
  return content;
};

/** Creates the writer of a batch from a function that sends one part. */
const writerOf = (send: (part: readonly RowEntry[]) => Promise<PartAnswer>): PartWriter => ({
  write: send,
  writeNothing: async () => ((await send([])) === stale ? stale : undefined),
});

const allDelivered = (part: readonly RowEntry[]): PartAnswer => ({
  results: part.map(({ delivery }) => delivered(delivery)),
});

type Copies = Map<Delivery, HeldCopy | undefined>;

const strays = (call: BatchCall, plan: WritePlan, entries: readonly OwnedRowEntry[]): Promise<Strays> => {
  const { session, settings } = call;
  return findStrays({ session, sink: settings.name, plan: plan.shared }, entries);
};

/** Reads the copies of the entries into `copies`. */
const copyReader =
  (copies: Copies): ChooseWriter =>
  (call, plan, entries) => {
    const isShared = plan.shared.isNeeded(entries);
    return writerOf(async (part) => {
      const { settings } = call;
      const statements = statementsFor(plan, part, isShared);
      const { columns, positions } = statements;
      const own = isShared ? part.map(owned) : undefined;
      const keys = literals(settings.name, { columns: plan.keys }, part);
      const text = readTextOf(call, plan, statements, isShared);
      const answer = await call.session.query(text, own ? [...keys, owners(own)] : keys);
      const rows = rowsByPosition<FoundRow>(answer, part.length);
      if (rows === stale) return stale;
      const elsewhere = own && (await strays(call, plan, own));
      for (const [index, { delivery }] of part.entries()) {
        const { message } = delivery;
        const row = rows[index + 1];
        const owner = own?.[index]?.owner;
        const children = rowsOf(plan, row);
        const hasChildren = children.some((found) => found.length > 0);
        const content = (): CopyContent =>
          row === undefined
            ? {}
            : withChildren(plan, contentOf(columns, row, jsonCheck(plan, positions, message)), children, message);
        const held = row && heldCopy(row, { isWanted: message !== undefined, owner, hasChildren, content });
        copies.set(delivery, withStrays(held, own?.[index] && elsewhere?.get(own[index])));
      }
      return allDelivered(part);
    });
  };

/** Throws the first error that does not concern a delivery alone. */
const throwOthers = (results: readonly WriteResult[]): void => {
  for (const result of results) {
    if (result.outcome === "failed" && outcomeOf(result.error.code) !== "reject") throw result.error;
  }
};

/** Reads what the table holds of the items. @throws {SinkError} when Postgres cannot answer. */
export const readCopies = async (
  call: BatchCall,
  batch: readonly Delivery[],
): Promise<readonly (HeldCopy | undefined)[]> => {
  const copies: Copies = new Map();
  const results = await sendBatch(call, batch, copyReader(copies), "encodeKey");
  throwOthers(results);
  // A message that cannot be written says nothing about the copy that the table holds.
  const keysOnly = new Map<Delivery, Delivery>();
  for (const { delivery, outcome } of results) {
    const given = delivery as Delivery;
    if (outcome === "failed" && given.message !== undefined) keysOnly.set(given, { ...given, message: undefined });
  }
  if (keysOnly.size > 0) {
    throwOthers(await sendBatch(call, [...keysOnly.values()], copyReader(copies), "encodeKey"));
  }
  return batch.map((delivery) => copies.get(keysOnly.get(delivery) ?? delivery));
};

/** Computes the contents of the entries into `contents`. */
const canonicalReader =
  (contents: Map<unknown, CopyContent>): ChooseWriter =>
  (call, plan) =>
    writerOf(async (part) => {
      const statements = statementsFor(plan, part, false);
      const results = await computeContents(call, plan, statements, part, contents);
      if (results === stale) return stale;
      const rejects = await addChildren(call, plan, part, contents);
      if (rejects === stale) return stale;
      const rejected = new Set(rejects.map(({ delivery }) => delivery));
      return { results: [...results.filter(({ delivery }) => !rejected.has(delivery)), ...rejects] };
    });

/** Computes what the table would hold after a write of each delivery. @throws {SinkError} when Postgres cannot answer. */
export const canonicalContents = async (
  call: BatchCall,
  batch: readonly Delivery[],
): Promise<readonly (CopyContent | DeliveryError)[]> => {
  const contents = new Map<unknown, CopyContent>();
  const results = await sendBatch(call, batch, canonicalReader(contents));
  throwOthers(results);
  const errors = new Map<unknown, DeliveryError>();
  for (const result of results) if (result.outcome === "failed") errors.set(result.delivery, result.error);
  // Postgres may have refused a child's row after the content of the item's row was computed.
  return batch.map((delivery) => errors.get(delivery) ?? contents.get(delivery) ?? {});
};
