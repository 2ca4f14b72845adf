// The first pass of a verification: compares pages of the table with the targets, and pages of the targets' keys with the table.
// What differs is only suspect, because the item may have changed between the two reads.

import { type Image, itemKeyOf, type PipelineTarget, type StreamRecord } from "@sluice/core/envelope";
import type { KeysPage } from "@sluice/core/sink-kit";
import type { Unit } from "../source/source.ts";
import type { VerifyTally } from "./classes.ts";
import {
  type Comparison,
  compare,
  expectedContents,
  expectedOf,
  heldCopies,
  patiently,
  type SinkCalls,
} from "./comparison.ts";
import { isSampled } from "./item-text.ts";
import { spelledKeys } from "./key-spelling.ts";
import { recordOf } from "./look.ts";
import type { Suspect } from "./suspect.ts";
import { newTally, type Tally } from "./tally.ts";
import { ownExistence, quickly, unstableMembers } from "./unstable.ts";
import { nameOfTarget, type Verification } from "./verification.ts";

/** A part of a verification that one worker reads alone. It is plain JSON. */
export type VerifyUnit =
  /** A segment of the table, compared with every target. */
  | { readonly kind: "items"; readonly unit: Unit }
  /** A part of a target's keys, compared with the table. `target` is the first route. */
  | { readonly kind: "copies"; readonly target: string; readonly part: number; readonly parts: number }
  /** Single items. Binary values are base64 text. */
  | { readonly kind: "keys"; readonly keys: readonly Image[] };

/** A page that was read. */
export interface PageRead {
  /** Items or copies in the page, without those that are not in the sample. */
  readonly items: number;
  readonly readUnits: number;
  readonly tally: VerifyTally;
  readonly suspects: readonly Suspect[];
  /** Where the next page starts; undefined after the last page. */
  readonly cursor: string | undefined;
}

/** Copies in one page of keys. */
const keysPageSize = 1_000;

const suspectOf = (target: PipelineTarget, keys: Image): Suspect => ({
  target: nameOfTarget(target),
  keys: spelledKeys(keys),
  dueAt: 0,
  looks: 0,
});

const keysIn = (record: StreamRecord): Image => record.dynamodb?.Keys ?? {};

/** Whether only members differ that depend on the time or on chance. */
const isUnstable = (comparison: Comparison, unstable: ReadonlySet<string>): boolean => {
  if (!("difference" in comparison)) return false;
  const { class: kind, members } = comparison.difference;
  if (kind !== "different") return unstable.has(ownExistence);
  // A copy without its version differs in no member.
  return members.length > 0 && members.every((name) => unstable.has(name));
};

/** Compares a page of the table with one target. Returns the suspects. */
const comparePage = async (
  target: PipelineTarget,
  records: readonly StreamRecord[],
  tally: Tally,
  calls: SinkCalls,
): Promise<readonly Suspect[]> => {
  const expected = records.map((record) => expectedOf(target, record));
  const [contents, held] = await Promise.all([expectedContents(expected, calls), heldCopies(expected, calls)]);
  const differing: { readonly record: StreamRecord; readonly comparison: Comparison; readonly route: string }[] = [];
  const same = { equal: 0, hidden: 0, kept: 0 };
  expected.forEach((one, index) => {
    const comparison = compare(target, { expected: one, content: contents[index], held: held[index], exists: true });
    if ("same" in comparison) same[comparison.same] += 1;
    else if ("error" in comparison) tally.reject(target, comparison.error.code);
    else {
      const route = one.expectation?.route ?? nameOfTarget(target);
      differing.push({ record: records[index] as StreamRecord, comparison, route });
    }
  });
  for (const one of ["equal", "hidden", "kept"] as const) tally.count(target, one, same[one]);
  // A mapper that reads a clock makes every item differ. The suspects would not fit into memory.
  const unstable = await unstableMembers(
    target,
    differing.map(({ record }) => record),
    quickly,
    calls,
  );
  return differing.flatMap(({ record, comparison, route }, index) => {
    const members = unstable[index] as ReadonlySet<string>;
    if (!isUnstable(comparison, members)) return [suspectOf(target, keysIn(record))];
    tally.unstable(target, route, members);
    return [];
  });
};

/** Reads the pages of a segment of the table, and compares each with every target. */
async function* itemPages(
  verification: Verification,
  unit: Unit,
  after: string | undefined,
  calls: SinkCalls,
): AsyncGenerator<PageRead> {
  const { source, comparable, sample, seen } = verification;
  for await (const { records, cursor, readUnits } of source.pages(unit, after, calls.signal)) {
    const chosen = records.filter((record) => isSampled(keysIn(record), sample));
    for (const record of chosen) seen?.add(keysIn(record));
    const tally = newTally();
    const found = await Promise.all(comparable.map((target) => comparePage(target, chosen, tally, calls)));
    yield { items: chosen.length, readUnits, tally: tally.total(), suspects: found.flat(), cursor };
  }
}

/** The copies whose items the run has not read. */
interface Unseen {
  /** Keys of items that do not exist. */
  readonly absent: readonly Image[];
  /** Records of items that were inserted after the scan, or that the full set lacks. */
  readonly present: readonly StreamRecord[];
}

const unseenOf = async (
  verification: Verification,
  keys: readonly Image[],
  { signal, clock }: SinkCalls,
): Promise<Unseen> => {
  const { table, seen } = verification;
  const unseen = seen === undefined ? keys : keys.filter((one) => !seen.has(one));
  if (unseen.length === 0) return { absent: [], present: [] };
  const now = clock.now();
  const items = await table.read(unseen, signal, { keysOnly: seen === undefined });
  const absent = unseen.filter((one) => !items.has(itemKeyOf(one)));
  // Without the set, the copies are listed before the scan, which compares these items.
  if (seen === undefined) return { absent, present: [] };
  const present = unseen.flatMap((one) => {
    const item = items.get(itemKeyOf(one));
    return item === undefined ? [] : [recordOf(verification, one, item, now)];
  });
  return { absent, present };
};

/** Reads the pages of a part of a target's keys, and finds the copies without an item. */
async function* copyPages(
  verification: Verification,
  target: PipelineTarget,
  { part, parts }: { readonly part: number; readonly parts: number },
  start: string | undefined,
  calls: SinkCalls,
): AsyncGenerator<PageRead> {
  const { keyTypes, sample } = verification;
  let after = start;
  do {
    const request = { part, parts, after, limit: keysPageSize, keyTypes };
    const page: KeysPage = await patiently(
      calls,
      async (context) => (await target.sink.keys?.(request, context)) ?? { keys: [], next: undefined },
    );
    const tally = newTally();
    const known = page.keys.flatMap(({ keys }) => (keys === undefined ? [] : [spelledKeys(keys)]));
    tally.count(target, "unknown key", page.keys.length - known.length);
    // A copy that moves while the pages are read may be in a page twice.
    const chosen = new Map(known.filter((keys) => isSampled(keys, sample)).map((keys) => [itemKeyOf(keys), keys]));
    const { absent, present } = await unseenOf(verification, [...chosen.values()], calls);
    if (!target.deletesRemoved) tally.count(target, "kept", absent.length);
    // Counts nothing, because the scan may have counted the item.
    const differing = await comparePage(target, present, newTally(), calls);
    const ghosts = target.deletesRemoved ? absent.map((keys) => suspectOf(target, keys)) : [];
    const suspects = [...ghosts, ...differing];
    yield { items: chosen.size, readUnits: 0, tally: tally.total(), suspects, cursor: page.next };
    after = page.next;
  } while (after !== undefined);
}

async function* keyPages({ comparable }: Verification, keys: readonly Image[]): AsyncGenerator<PageRead> {
  const distinct = [...new Map(keys.map(spelledKeys).map((one) => [itemKeyOf(one), one])).values()];
  const suspects = comparable.flatMap((target) => distinct.map((one) => suspectOf(target, one)));
  yield { items: distinct.length, readUnits: 0, tally: {}, suspects, cursor: undefined };
}

/** Reads the pages of a unit from its start, or from the cursor of a page before. */
export const readPages = (
  verification: Verification,
  unit: VerifyUnit,
  after: string | undefined,
  calls: SinkCalls,
): AsyncIterable<PageRead> => {
  if (unit.kind === "items") return itemPages(verification, unit.unit, after, calls);
  if (unit.kind === "keys") return keyPages(verification, unit.keys);
  const target = verification.comparable.find((one) => nameOfTarget(one) === unit.target);
  if (target?.sink.keys === undefined) return keyPages(verification, []);
  return copyPages(verification, target, unit, after, calls);
};
