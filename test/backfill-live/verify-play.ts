// Plays one live test of a verification: copies are corrupted by raw statements, writers write, deliveries are late, and
// the verification must find every wrong copy, no right one, and repair all.

import { setTimeout } from "node:timers/promises";
import { type Finding, type Invoke, type VerifyOptions, verifyTable } from "@sluice/backfill";
import { type Corruption, corruptHot, corruptItems, type Memories, memoriesOf } from "./corruptions.ts";
import type { LiveEngines } from "./places.ts";
import { startWriters } from "./source-table.ts";
import { routesOf, type TargetName, targetNames } from "./targets.ts";
import { openVerifyWorld, pkOf, targetOf, type VerifyWorld } from "./verify-world.ts";

export interface VerifyPlay {
  readonly engines: LiveEngines;
  readonly seed: number;
  /** Number of corrupted items of each kind and target. */
  readonly items: number;
}

export interface VerifyResult {
  /** What the verification did wrong. */
  readonly problems: readonly string[];
  readonly counts: {
    readonly corrupted: number;
    readonly beside: number;
    readonly findings: number;
    readonly writes: number;
  };
}

const hotItems = 30;

/** The longest delay of a batch of the stream. */
const slownessMs = 400;

const { signal } = new AbortController();

const nameOf = ({ target, pk }: { readonly target: TargetName; readonly pk: string }): string => `${target} ${pk}`;

const placeOf = (finding: Finding): string => nameOf({ target: targetOf(finding), pk: pkOf(finding) });

/** What is wrong with the findings. `beside` are copies that were corrupted during the run, of items that change. */
const problemsOf = (
  findings: readonly Finding[],
  corruptions: readonly Corruption[],
  beside: ReadonlySet<string>,
): string[] => {
  const certain = findings.filter((finding) => finding.class !== "in flight");
  const byPlace = new Map(certain.map((finding) => [placeOf(finding), finding]));
  const known = new Map(corruptions.map((one) => [nameOf(one), one]));
  const isCaused = (place: string): boolean => beside.has(place) || (known.get(place)?.expected.length ?? 0) > 0;
  const isFalse = (finding: Finding): boolean => !isCaused(placeOf(finding));
  const falseOnes = certain.filter(isFalse).map((finding) => {
    const kind = known.get(placeOf(finding))?.kind ?? "no corruption";
    return `false finding: ${finding.class} ${placeOf(finding)} (${kind}) ${finding.members.join()}`;
  });
  const wanted = corruptions.filter(({ mustBeFound }) => mustBeFound);
  const unlike = wanted.flatMap((one) => {
    const found = byPlace.get(nameOf(one));
    if (found === undefined) return [`not found: ${one.kind} ${nameOf(one)}`];
    const isExpected = (one.expected as readonly string[]).includes(found.class);
    return [
      ...(isExpected ? [] : [`wrong class: ${found.class} of ${one.kind} ${nameOf(one)}`]),
      ...(found.repair === "repaired" ? [] : [`not repaired: ${one.kind} ${nameOf(one)}: ${JSON.stringify(found)}`]),
    ];
  });
  return [...falseOnes, ...unlike];
};

const verifyAll = async (
  options: VerifyOptions,
): Promise<{ readonly findings: readonly Finding[]; readonly isEqual: boolean; readonly text: string }> => {
  const findings: Finding[] = [];
  const report = await verifyTable(options, { signal, onFinding: (finding) => findings.push(finding) });
  return { findings, isEqual: report.isEqual, text: report.stopped ?? JSON.stringify(report.tally) };
};

/** Corrupts copies of items that writers change, until `done` aborts. */
const corruptBeside = async (
  world: VerifyWorld,
  pks: readonly [string, ...string[]],
  memories: Memories,
  done: AbortSignal,
): Promise<ReadonlySet<string>> => {
  const places = new Set<string>();
  while (!done.aborted) {
    await setTimeout(world.random.integer(300));
    places.add(nameOf(await corruptHot(world, pks, memories)));
  }
  return places;
};

const playIn = async (world: VerifyWorld, { seed, items }: VerifyPlay): Promise<VerifyResult> => {
  const { random, table, options, invoke } = world;
  // Half of the items that change are corrupted, too.
  const hot = Array.from({ length: hotItems }, (_, index) => `hot-${index}`) as unknown as [string, ...string[]];
  for (const pk of hot) await table.put(random, pk);
  const corruptions = await corruptItems(world, items);
  const corruptible = hot.slice(0, hotItems / 2) as unknown as [string, ...string[]];
  const memories = await memoriesOf(world, corruptible);
  const repairing = { ...options, repair: invoke };

  world.setSlowness(slownessMs);
  const writers = startWriters(table, hot, { seed, writers: 2 });
  const done = new AbortController();
  const corrupting = corruptBeside(world, corruptible, memories, done.signal);
  const first = await verifyAll(repairing);
  done.abort();
  const beside = await corrupting;
  const writes = await writers.stop();
  await world.drained();

  const problems = problemsOf(first.findings, corruptions, beside);
  const second = await verifyAll(repairing);
  problems.push(...problemsOf(second.findings, [], beside).map((problem) => `second run: ${problem}`));
  const divergences = await world.divergences();
  problems.push(...divergences.map((one) => `wrong in the end: ${JSON.stringify(one)}`));
  const last = await verifyAll(options);
  if (!last.isEqual || last.findings.length > 0) problems.push(`the last run differs: ${last.text}`);
  const counts = { corrupted: corruptions.length, beside: beside.size, findings: first.findings.length, writes };
  return { problems, counts };
};

let played = 0;

const inWorld = async <Result>(
  { engines, seed }: Pick<VerifyPlay, "engines" | "seed">,
  work: (world: VerifyWorld) => Promise<Result>,
): Promise<Result> => {
  played += 1;
  const world = await openVerifyWorld(engines, seed, `verify-live-${seed}-${played}`);
  try {
    return await work(world);
  } finally {
    await world.close();
  }
};

/** Plays a live test of a verification. */
export const playVerify = (play: VerifyPlay): Promise<VerifyResult> => inWorld(play, (world) => playIn(world, play));

/** A verification whose reads or repairs are wrong in one way, at the moment at which this does harm. */
export type VerifyMutation = (
  options: VerifyOptions,
  world: VerifyWorld,
  /** Changes the item, and waits until the change is in the replicas. */
  change: () => Promise<void>,
) => VerifyOptions;

/**
 * Corrupts the copies of one item, and changes the item at the worst moment of a repair. Resolves with the copies that a
 * repair made wrong, and with those that are wrong in the end.
 */
export const playChangeDuringRepair = (
  play: Pick<VerifyPlay, "engines" | "seed">,
  mutation: VerifyMutation,
): Promise<readonly string[]> =>
  inWorld(play, async (world) => {
    const { table, raw, random, drained, options, invoke } = world;
    const pk = "changed";
    const put = async (): Promise<void> => {
      await table.put(random, pk, 1);
      await drained();
    };
    await put();
    for (const target of targetNames) {
      const now = await raw[target].get(pk);
      if (now === undefined) throw new Error(`${target} has no copy`);
      await raw[target].set(pk, raw[target].withOtherValue(now));
    }
    const problems: string[] = [];
    /** Nothing else writes: the copy in the target is right after every repair, unless the repair was wrong. */
    const checked: Invoke = async (event, aborting) => {
      const answer = await invoke(event, aborting);
      const wrong = await world.divergencesNow();
      const [route = ""] = event.sluice.routes ?? [];
      const own = wrong.filter(({ target, item }) => item === pk && routesOf[target].includes(route));
      problems.push(...own.map((one) => `after a repair: ${JSON.stringify(one)}`));
      return answer;
    };
    await verifyAll(mutation({ ...options, repair: checked }, world, put));
    return [...problems, ...(await world.divergences()).map((one) => `in the end: ${JSON.stringify(one)}`)];
  });
