// A look at suspects: reads the target, and then the table strongly consistently, and compares.

import { type Image, itemKeyOf, type PipelineTarget, type StreamRecord } from "@sluice/core/envelope";
import type { CopyContent, HeldCopy } from "@sluice/core/sink-kit";
import { absenceRecord, backfillRecord, epochOf, microsOf, type RepairBase } from "../record/records.ts";
import type { Finding } from "./classes.ts";
import {
  type Comparison,
  compare,
  type Difference,
  expectedContents,
  expectedOf,
  heldCopies,
  type Sight,
  type SinkCalls,
} from "./comparison.ts";
import { itemDigest, shortHash } from "./item-text.ts";
import type { Seen, Suspect } from "./suspect.ts";
import type { Verification } from "./verification.ts";

/** A suspect with what a look showed of it. */
export interface Look {
  readonly suspect: Suspect;
  readonly target: PipelineTarget;
  /** The item as it was read after the target; undefined if it does not exist. */
  readonly item: Image | undefined;
  readonly digest: string;
  /** Whether the item was the same before and after the target was read. */
  readonly isSteady: boolean;
  readonly sight: Sight;
  readonly comparison: Comparison;
  /** Time before the target was read, and after the item was read. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** Returns the record of an item, as a backfill would send it; or of an item that does not exist. */
export const recordOf = (
  { origin }: Pick<Verification, "origin">,
  keys: Image,
  item: Image | undefined,
  ms: number,
): StreamRecord =>
  item === undefined ? absenceRecord(origin, keys, microsOf(ms)) : backfillRecord(origin, item, microsOf(ms));

/** Reads the table to learn where the target has the copies, then the target, and then the table again. */
export const lookAt = async (
  verification: Pick<Verification, "table" | "clock" | "origin">,
  target: PipelineTarget,
  suspects: readonly Suspect[],
  calls: SinkCalls,
): Promise<readonly Look[]> => {
  const { table, clock } = verification;
  const keys = suspects.map((suspect) => suspect.keys);
  const texts = keys.map(itemKeyOf);
  const before = await table.read(keys, calls.signal);
  const fromMs = clock.now();
  const expectedAs = (items: ReadonlyMap<string, Image>) =>
    keys.map((one, index) =>
      expectedOf(target, recordOf(verification, one, items.get(texts[index] as string), fromMs)),
    );
  const held = await heldCopies(expectedAs(before), calls);
  const after = await table.read(keys, calls.signal);
  const toMs = clock.now();
  const expected = expectedAs(after);
  const contents = await expectedContents(expected, calls);
  return suspects.map((suspect, index): Look => {
    const text = texts[index] as string;
    const item = after.get(text);
    const digest = itemDigest(item);
    const sight: Sight = {
      expected: expected[index] as Sight["expected"],
      content: contents[index],
      held: held[index],
      exists: item !== undefined,
    };
    const isSteady = digest === itemDigest(before.get(text));
    return { suspect, target, item, digest, isSteady, sight, comparison: compare(target, sight), fromMs, toMs };
  });
};

/** The version that a target holds; null if it holds neither a copy nor a tombstone. */
export const versionIn = (held: HeldCopy | undefined): string | null => held?.version ?? null;

/** Whether the content is known. */
export const isContent = (content: Sight["content"]): content is CopyContent =>
  content !== undefined && !(content instanceof Error);

const hashesOf = (content: Sight["content"], members: readonly string[]): Record<string, string> =>
  isContent(content) ? Object.fromEntries(members.map((member) => [member, shortHash(content[member] ?? "")])) : {};

/** Whether the target holds the version that the look before showed. The item may have changed. */
export const isUnmoved = ({ suspect: { seen }, sight }: Look): boolean =>
  seen !== undefined && seen.version === versionIn(sight.held);

/** Whether the item is as the look before showed it, too. */
export const isUnchanged = (look: Look): boolean =>
  isUnmoved(look) && look.isSteady && look.suspect.seen?.item === look.digest;

/** What a repair of the copy starts from. */
export const repairBase = ({ sight, fromMs }: Look): RepairBase => ({
  held: sight.held?.version,
  epoch: epochOf(sight.expected.expectation?.delivery.change.version ?? ""),
  now: microsOf(fromMs),
});

/** A look at a copy that differs. */
export interface DifferingLook extends Look {
  readonly difference: Difference;
}

/** Returns the look if the copy differs. */
export const differingOf = (look: Look): DifferingLook | undefined =>
  "difference" in look.comparison ? { ...look, difference: look.comparison.difference } : undefined;

/**
 * Returns the look with the difference that is proved. If the item has changed since the first look, that is the difference
 * from the item as it was then: a change of the item may still be on its way.
 */
export const provedLook = (look: DifferingLook): DifferingLook =>
  isUnchanged(look) ? look : { ...look, difference: look.suspect.seen?.difference ?? look.difference };

/** How long suspects wait: the grace period; and the time between two looks that prove a difference, which the lag extends. */
export interface Waits {
  readonly graceMs: number;
  readonly waitMs: number;
}

/** Returns the suspect for its next look. While the lag grows, each look waits a grace period at least. */
export const nextOf = (look: DifferingLook, { graceMs, waitMs }: Waits): Suspect => {
  const { suspect, sight, digest, toMs, difference } = look;
  const { seen: before, ...rest } = suspect;
  const fresh: Seen = {
    version: versionIn(sight.held),
    item: digest,
    atMs: toMs,
    expected: hashesOf(sight.content, difference.members),
    difference,
  };
  const seen = isUnmoved(look) ? before : fresh;
  const dueAt = Math.max((seen?.atMs ?? toMs) + waitMs, toMs + graceMs);
  return {
    ...rest,
    looks: suspect.looks + 1,
    dueAt,
    ...(seen && { seen }),
  };
};

const valuesOf = ({ difference, sight: { content, held } }: DifferingLook): Pick<Finding, "values"> => {
  const pick = (from: CopyContent): Record<string, string> =>
    Object.fromEntries(
      difference.members.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name] as string]])),
    );
  return { values: { expected: isContent(content) ? pick(content) : {}, held: pick(held?.content ?? {}) } };
};

/** Creates the finding of a look. */
export const findingOf = (
  { showValues }: Verification,
  look: DifferingLook,
  kind: Finding["class"],
  rest: Pick<Finding, "repair" | "code" | "message"> = {},
): Finding => ({
  target: look.suspect.target,
  class: kind,
  keys: look.suspect.keys,
  members: look.difference.members,
  version: versionIn(look.sight.held),
  ...(showValues && valuesOf(look)),
  ...rest,
});
