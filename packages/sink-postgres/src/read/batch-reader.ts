// Sends the statements of `read` and `canonical`. They use the plan, the encoder and the search for refused rows of a write.

import {
  type CopyContent,
  type DeliveryError,
  delivered,
  failed,
  type HeldCopy,
  outcomeOf,
  rejected,
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
import { contentOf, type TextRow } from "./cell-text.ts";
import { heldCopy, withStrays } from "./held-copy.ts";
import {
  type CanonicalRow,
  type CheckedRow,
  canonicalStatement,
  type FoundRow,
  type ReadShape,
  readStatement,
} from "./read-statements.ts";

type Delivery = UpsertDelivery<unknown>;

/** Sends a statement for entries of one set of columns. Returns the rows by position, or `stale`. */
const rowsOf = async <Row extends CheckedRow>(
  { session }: BatchCall,
  text: string,
  parameters: string[],
): Promise<ReadonlyMap<number, Row> | typeof stale> => {
  const rows = (await session.query(text, parameters)).rows as readonly Row[];
  if (rows[0]?.current !== true) return stale;
  return new Map(rows.flatMap((row) => (row.position === null ? [] : [[Number(row.position), row]])));
};

/** Keeps the SQL texts of a plan, by the columns of the statement. */
const statementCache = (create: (shape: ReadShape) => string) => {
  const texts = new WeakMap<WriteStatements, string>();
  return ({ settings }: BatchCall, plan: WritePlan, statements: WriteStatements, isShared: boolean): string => {
    const known = texts.get(statements);
    if (known !== undefined) return known;
    const { keys } = plan;
    const text = create({ relations: settings.relations, keys, columns: statements.columns, isShared });
    texts.set(statements, text);
    return text;
  };
};

const readTexts = statementCache(readStatement);
const canonicalTexts = statementCache(canonicalStatement);

const contentFor = (plan: WritePlan, { columns, positions }: WriteStatements, { delivery }: RowEntry, row: TextRow) =>
  contentOf(columns, row, (index) => plan.isJson(delivery.message, positions[index] ?? index));

/** Creates the writer of a batch from a function that sends one part. */
const writerOf = (send: (part: readonly RowEntry[]) => Promise<PartAnswer>): PartWriter => ({
  write: send,
  writeNothing: async () => ((await send([])) === stale ? stale : undefined),
});

const allDelivered = (part: readonly RowEntry[]): PartAnswer => ({
  results: part.map(({ delivery }) => delivered(delivery)),
});

type Copies = Map<Delivery, HeldCopy | undefined>;

const strays = async (
  call: BatchCall,
  plan: WritePlan,
  entries: readonly OwnedRowEntry[],
): Promise<Strays | undefined> => {
  if (entries.length === 0) return undefined;
  const { session, settings } = call;
  return findStrays({ session, sink: settings.name, plan: plan.shared }, entries);
};

/** Judges a row that was found. */
const heldIn = (
  row: FoundRow,
  { delivery }: RowEntry,
  ownEntry: OwnedRowEntry | undefined,
  content: () => CopyContent,
): HeldCopy | undefined =>
  heldCopy(row, { isWanted: delivery.message !== undefined, owner: ownEntry?.owner ?? "", content });

/** Reads the copies of the entries into `copies`. */
const copyReader =
  (copies: Copies): ChooseWriter =>
  (call, plan, entries) => {
    const isShared = plan.shared.isNeeded(entries);
    return writerOf(async (part) => {
      const statements = statementsFor(plan, part, isShared);
      // Only rows that can be shared have owners. An owner is a hash, which takes longer than the rest of an entry.
      const own = isShared ? part.map(owned) : [];
      const keys = literals(call.settings.name, { columns: plan.keys }, part);
      const text = readTexts(call, plan, statements, isShared);
      const rows = await rowsOf<FoundRow>(call, text, isShared ? [...keys, owners(own)] : keys);
      if (rows === stale) return stale;
      const elsewhere = await strays(call, plan, own);
      for (const [index, entry] of part.entries()) {
        const row = rows.get(index + 1);
        const ownEntry = own[index];
        const held = row && heldIn(row, entry, ownEntry, () => contentFor(plan, statements, entry, row));
        copies.set(entry.delivery, withStrays(held, ownEntry && elsewhere?.get(ownEntry)));
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
  const results = await sendBatch(call, batch, copyReader(copies));
  throwOthers(results);
  // A message that cannot be written says nothing about the copy that the table holds.
  const keysOnly = new Map<Delivery, Delivery>();
  for (const { delivery, outcome } of results) {
    const given = delivery as Delivery;
    if (outcome === "failed" && given.message !== undefined) keysOnly.set(given, { ...given, message: undefined });
  }
  if (keysOnly.size > 0) throwOthers(await sendBatch(call, [...keysOnly.values()], copyReader(copies)));
  return batch.map((delivery) => copies.get(keysOnly.get(delivery) ?? delivery));
};

/** Computes the contents of the entries into `contents`. */
const canonicalReader =
  (contents: Map<Delivery, CopyContent>): ChooseWriter =>
  (call, plan) =>
    writerOf(async (part) => {
      const sink = call.settings.name;
      const statements = statementsFor(plan, part, false);
      const text = canonicalTexts(call, plan, statements, false);
      const rows = await rowsOf<CanonicalRow>(call, text, literals(sink, statements, part));
      if (rows === stale) return stale;
      const results = part.map((entry, index): WriteResult => {
        const { delivery } = entry;
        const { tooLong = null, ...row } = rows.get(index + 1) ?? {};
        if (tooLong !== null) {
          return failed(delivery, rejected(sink, `column "${tooLong}": the value is too long for the column's type`));
        }
        contents.set(delivery, contentFor(plan, statements, entry, row));
        return delivered(delivery);
      });
      return { results };
    });

/** Computes what the table would hold after a write of each delivery. @throws {SinkError} when Postgres cannot answer. */
export const canonicalContents = async (
  call: BatchCall,
  batch: readonly Delivery[],
): Promise<readonly (CopyContent | DeliveryError)[]> => {
  const contents = new Map<Delivery, CopyContent>();
  const results = await sendBatch(call, batch, canonicalReader(contents));
  throwOthers(results);
  const errors = new Map<unknown, DeliveryError>();
  for (const result of results) if (result.outcome === "failed") errors.set(result.delivery, result.error);
  return batch.map((delivery) => contents.get(delivery) ?? errors.get(delivery) ?? {});
};
