// Looks at suspects again until each one is proved equal, a finding, or in flight.
//
// A look reads the target, and then the table strongly consistently. A suspect is a finding only if two looks, at least the
// grace period apart, show the same version in the target, and a difference each. Proof: let the item be X at the first look. Every
// change before this look has reached the target by the second look, because the grace period is longer than a delivery takes.
// A change that has had an effect on the target since the first look would have raised its version. So the target should show X,
// and it did not; and it does not show what the item has become since. The item may change between the looks: an item that no
// filter matches may change all the time, and its copy must still be found. See docs/decisions/0063-verify-and-repair.md.

import { itemKeyOf, type PipelineTarget } from "@sluice/core/envelope";
import { isAhead } from "../record/records.ts";
import type { Finding, FindingClass, RepairOutcome } from "./classes.ts";
import type { SinkCalls } from "./comparison.ts";
import { shortHash } from "./item-text.ts";
import {
  type DifferingLook,
  differingOf,
  findingOf,
  isContent,
  isUnchanged,
  isUnmoved,
  type Look,
  lookAt,
  nextOf,
  provedLook,
  recordOf,
  repairBase,
  versionIn,
  type Waits,
} from "./look.ts";
import { type Repairable, repairAll } from "./repair.ts";
import { staleItems } from "./stale.ts";
import type { SentRepair, Settled, Suspect } from "./suspect.ts";
import type { Tally } from "./tally.ts";
import { ownExistence, thoroughly, unstableMembers } from "./unstable.ts";
import { nameOfTarget, type Verification } from "./verification.ts";

const nothing: Settled = { suspects: [], findings: [] };

const repairedFinding = ({ suspect }: Look, sent: SentRepair, outcome: RepairOutcome): Finding => ({
  target: suspect.target,
  class: sent.class,
  keys: suspect.keys,
  members: sent.members,
  version: sent.held,
  repair: outcome,
});

/** Whether the target holds the repair that was sent, and the item is as it was then. */
const holdsRepair = ({ suspect, digest, isSteady, sight }: Look): boolean =>
  isSteady && suspect.repair?.item === digest && suspect.repair.version === versionIn(sight.held);

/** Members whose expected content changed between two looks although the item did not. */
const changedExpectation = (look: DifferingLook): string[] => {
  const { suspect, sight } = look;
  const content = sight.content;
  if (!isUnchanged(look) || !isContent(content)) return [];
  return Object.entries(suspect.seen?.expected ?? {})
    .filter(([name, hash]) => shortHash(content[name] ?? "") !== hash)
    .map(([name]) => name);
};

/** Leaves out members that depend on the time or on chance. Returns undefined if no other member differs. */
const withoutUnstable = (look: DifferingLook, unstable: ReadonlySet<string>): DifferingLook | undefined => {
  const { difference } = look;
  if (difference.class !== "different") return unstable.has(ownExistence) ? undefined : look;
  // A copy without its version differs in no member.
  if (difference.members.length === 0) return look;
  const members = difference.members.filter((name) => !unstable.has(name));
  return members.length === 0 ? undefined : { ...look, difference: { ...difference, members } };
};

/** A confirmed difference, without members that depend on the time or on chance. */
interface StableLook {
  /** Undefined if no other members differ. */
  readonly stable: DifferingLook | undefined;
  readonly look: DifferingLook;
  readonly unstable: ReadonlySet<string>;
}

const stableLooks = async (
  verification: Verification,
  target: PipelineTarget,
  looks: readonly DifferingLook[],
  calls: SinkCalls,
): Promise<readonly StableLook[]> => {
  const records = looks.map(({ suspect, item, fromMs }) => recordOf(verification, suspect.keys, item, fromMs));
  const found = await unstableMembers(target, records, thoroughly, calls);
  return looks.map((look, index) => {
    const unstable = new Set([...(found[index] ?? []), ...changedExpectation(look)]);
    return { look, unstable, stable: withoutUnstable(look, unstable) };
  });
};

const pendingItems = async ({ deadLetters }: Verification, target: PipelineTarget): Promise<ReadonlySet<string>> => {
  const open = (await deadLetters?.()) ?? [];
  return new Set(open.filter(({ route }) => target.routes.includes(route)).map(({ keys }) => itemKeyOf(keys)));
};

/** The finding of a copy that its repair did not bring up to date. */
const refuted = (verification: Verification, look: DifferingLook, { class: kind }: SentRepair): Finding =>
  findingOf(verification, look, kind, {
    repair: "failed",
    message:
      "the target holds the repair, but not the content that this pipeline expects; expected a handler with the same pipeline",
  });

/** Whether the target holds what it held before the repair was sent. The handler wrote another target, or nothing. */
const isUntouched = ({ suspect: { repair }, sight }: Look): boolean =>
  repair !== undefined && repair.held === versionIn(sight.held);

/** The finding of a copy that its repair did not reach. Without it, the copy would count as in flight after some repairs. */
const unreached = (verification: Verification, look: DifferingLook, { class: kind }: SentRepair): Finding =>
  findingOf(verification, look, kind, {
    repair: "failed",
    message:
      "the handler took the repair, but the target still holds the version before it; expected a handler that writes the same target",
  });

/** Sorts persistent differences into findings, and repairs those that can be repaired. */
const sorted = async (
  verification: Verification,
  target: PipelineTarget,
  looks: readonly DifferingLook[],
  calls: SinkCalls,
): Promise<Settled> => {
  const pending = await pendingItems(verification, target);
  const stale = await staleItems(verification, looks, calls);
  const isRepaired = verification.repair !== undefined && target.acceptsBackfills;
  const findings: Finding[] = [];
  const repairables: Repairable[] = [];
  for (const look of looks) {
    const itemKey = itemKeyOf(look.suspect.keys);
    const kind: FindingClass = stale.has(itemKey) ? "stale" : look.difference.class;
    if (isAhead(repairBase(look))) findings.push(findingOf(verification, look, "ahead"));
    else if (pending.has(itemKey)) findings.push(findingOf(verification, look, "pending"));
    else if (isRepaired) repairables.push({ look, class: kind });
    else findings.push(findingOf(verification, look, kind));
  }
  const repaired = await repairAll(verification, target, repairables, calls.signal);
  return { ...repaired, findings: [...findings, ...repaired.findings] };
};

/** Settles looks whose difference is not explained by changes in flight. */
const confirmed = async (
  verification: Verification,
  target: PipelineTarget,
  looks: readonly DifferingLook[],
  tally: Tally,
  calls: SinkCalls,
): Promise<Settled> => {
  if (looks.length === 0) return nothing;
  const findings: Finding[] = [];
  const persistent: DifferingLook[] = [];
  for (const { look, stable, unstable } of await stableLooks(verification, target, looks, calls)) {
    const sent = look.suspect.repair;
    if (sent !== undefined && holdsRepair(look)) {
      findings.push(
        stable === undefined ? repairedFinding(look, sent, "repaired") : refuted(verification, stable, sent),
      );
    } else if (stable !== undefined) persistent.push(stable);
    else tally.unstable(target, look.sight.expected.expectation?.route, unstable);
  }
  const rest = persistent.length === 0 ? nothing : await sorted(verification, target, persistent, calls);
  return { ...rest, findings: [...findings, ...rest.findings] };
};

/** Settles a look that does not differ. */
const settledLook = (look: Look, tally: Tally): Settled => {
  const { suspect, target, sight, comparison } = look;
  const { repair: sent } = suspect;
  if ("error" in comparison) tally.reject(target, comparison.error.code);
  if (!("same" in comparison)) return nothing;
  if (sent !== undefined) {
    const outcome = sent.version === versionIn(sight.held) ? "repaired" : "superseded";
    return { suspects: [], findings: [repairedFinding(look, sent, outcome)] };
  }
  tally.count(target, comparison.same);
  return nothing;
};

/** Whether the difference cannot be explained by changes that are on their way to the target. */
const isPersistent = (look: DifferingLook, { lagReadMs, waitMs }: Wait): boolean => {
  const { seen } = look.suspect;
  if (holdsRepair(look)) return true;
  return isUnmoved(look) && seen !== undefined && lagReadMs - seen.atMs >= waitMs;
};

/** Looks beyond the maximum at a copy that nothing has written. It only waits while the stream's lag grows. */
const moreLooks = 3;

const mayLookAgain = (look: DifferingLook, { maxLooks }: Verification): boolean =>
  look.suspect.looks + 1 < maxLooks + (isUnmoved(look) ? moreLooks : 0);

/** How long a look must be after the first one. */
interface Wait extends Waits {
  /** When the lag was read. Changes that were older than the lag then had reached the target. */
  readonly lagReadMs: number;
}

/** Reads the lag. It is read before the target: a late change may arrive between the two, and the lag would not show it. */
const waitOf = async ({ graceMs, lag, clock }: Verification): Promise<Wait> => {
  const lagReadMs = clock.now();
  return { graceMs, lagReadMs, waitMs: Math.max(graceMs, (await lag?.()) ?? 0) };
};

/** Looks at suspects of one target, at most a few hundred. Counts those that are settled. */
export const settle = async (
  verification: Verification,
  suspects: readonly Suspect[],
  tally: Tally,
  calls: SinkCalls,
): Promise<Settled> => {
  const target = verification.comparable.find((one) => nameOfTarget(one) === suspects[0]?.target);
  if (target === undefined) return nothing;
  const wait = await waitOf(verification);
  const looks = await lookAt(verification, target, suspects, calls);
  const next: Suspect[] = [];
  const findings: Finding[] = [];
  const persistent: DifferingLook[] = [];
  for (const look of looks) {
    const differing = differingOf(look);
    const { repair: sent } = look.suspect;
    if (differing === undefined) findings.push(...settledLook(look, tally).findings);
    else if (sent !== undefined && isUntouched(look)) findings.push(unreached(verification, differing, sent));
    else if (isPersistent(differing, wait)) persistent.push(provedLook(differing));
    else if (mayLookAgain(differing, verification)) next.push(nextOf(differing, wait));
    else findings.push(findingOf(verification, differing, "in flight"));
  }
  const settled = await confirmed(verification, target, persistent, tally, calls);
  const all = [...findings, ...settled.findings];
  for (const finding of all) tally.find(finding);
  return { ...settled, suspects: [...next, ...settled.suspects], findings: all };
};
