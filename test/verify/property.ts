// The property of verifications, and verifications that are wrong in one way, which the property must find.

import {
  type Finding,
  type Invoke,
  type TableReader,
  type VerifyOptions,
  type VerifyState,
  verifyTable,
  verifyUnit,
  verifyUnits,
} from "@sluice/backfill";
import { type Image, itemKeyOf } from "@sluice/core/envelope";
import type { OpenReplica } from "./replica.ts";
import { type Corruption, type CorruptionKind, newWorld, pkOf, type World } from "./world.ts";

/** What a run did wrong. */
export interface Problem {
  readonly seed: number;
  readonly what: string;
}

/** A verification under test: the real one, or one that is wrong in one way. */
export type Mutant = (options: VerifyOptions, world: World) => VerifyOptions;

/** The real verification. */
export const asIs: Mutant = (options) => options;

/** A finding is reported after its last look, and then some requests. A repaired copy may change before its proof. */
const reportMs = 30_000;
const proofMs = 600_000;

/** The item may have changed since it was corrupted, and the copy's class with it. */
const classesAfter: { readonly [Kind in CorruptionKind]: readonly Finding["class"][] } = {
  missing: ["missing"],
  "wrongly-removed": ["wrongly-removed"],
  stale: ["stale", "different"],
  different: ["different", "stale"],
  unexpected: ["unexpected"],
  ghost: ["ghost", "unexpected"],
  ahead: ["ahead"],
  unversioned: ["missing", "different"],
  "unversioned ghost": ["ghost", "unexpected"],
};

const falseFinding = (world: World, finding: Finding): string | undefined => {
  if (finding.class === "in flight") return undefined;
  const pk = pkOf(finding);
  const since = world.clock.now() - (finding.repair ? proofMs : reportMs);
  const causes = world.corruptions.filter(
    (one) => one.target === finding.target && one.pk === pk && one.healedAtMs >= since,
  );
  if (causes.length === 0) return `false finding: ${finding.class} ${finding.target} ${pk}`;
  if (causes.some((one) => classesAfter[one.kind].includes(finding.class))) return undefined;
  return `wrong class: ${finding.class} of ${causes.map((one) => one.kind)}`;
};

/** A verification that has run, in a world that goes on. */
interface Played {
  readonly world: World;
  readonly startMs: number;
  /** Corruptions from before the run. */
  readonly before: readonly Corruption[];
  readonly findings: readonly Finding[];
  readonly isDistributed: boolean;
}

const isFound = ({ findings }: Played, target: string, pk: string, isInFlight: boolean): boolean =>
  findings.some((one) => one.target === target && pkOf(one) === pk && (one.class === "in flight") === isInFlight);

/** After these, a target shows what no item has. So the copy stays wrong when the item changes without an effect on the target. */
const alwaysWrong: ReadonlySet<CorruptionKind> = new Set([
  "stale",
  "different",
  "unexpected",
  "ghost",
  "unversioned ghost",
  "ahead",
]);

/**
 * Copies that were wrong during the whole run, that nothing has written, and that were not found. A run in turns may miss an item
 * that exists when the copies are listed, and does not when its segment is read.
 */
const notFound = async (played: Played): Promise<string[]> => {
  const { world, startMs, before, isDistributed } = played;
  // Nothing tells what the copy of a removed item should be that is kept.
  const wrong = isDistributed ? [] : (await world.wrong()).filter(({ target }) => target !== "kept");
  return before
    .filter(({ healedAtMs }) => healedAtMs > world.clock.now())
    .filter(
      ({ target, pk, kind }) =>
        (world.writtenAtMs.get(pk) ?? 0) < startMs ||
        (alwaysWrong.has(kind) && wrong.some((one) => one.target === target && one.pk === pk)),
    )
    .filter(({ target, pk }) => !isFound(played, target, pk, false))
    .map(({ target, pk, kind }) => `not found: ${kind} ${target} ${pk}`);
};

/** Copies that are wrong after a repair, and were not corrupted since. */
const leftWrong = async (played: Played): Promise<string[]> => {
  const { world, startMs } = played;
  const since = world.corruptions.filter(
    (one) => (one.atMs > startMs || one.kind === "ahead") && one.healedAtMs > world.clock.now(),
  );
  return (await world.wrong())
    .filter(({ target, pk }) => !since.some((one) => one.target === target && one.pk === pk))
    .filter(({ target, pk }) => !isFound(played, target, pk, true))
    .map(({ target, pk }) => `left wrong: ${target} ${pk}`);
};

const { signal } = new AbortController();

/** Verifies the units one after the other, each in turns, as workers of a state machine do. */
const verifyInTurns = async (
  options: VerifyOptions,
  world: World,
  onFinding: (finding: Finding) => void,
): Promise<void> => {
  for (const unit of await verifyUnits(options, 2)) {
    let state: VerifyState | undefined;
    for (let isDone = false; !isDone; ) {
      const isOver = (): boolean => world.random.chance(0.3);
      const answer = await verifyUnit(options, { unit, ...(state && { state }), signal, isOver, waits: false });
      answer.findings.forEach(onFinding);
      state = JSON.parse(JSON.stringify(answer.state)) as VerifyState;
      isDone = answer.isDone;
      if (answer.dueAt !== undefined) await world.advance(Math.max(0, answer.dueAt - world.clock.now()));
    }
  }
};

/** How a world is played. */
interface Play {
  readonly isRepairing: boolean;
  readonly isDistributed: boolean;
  readonly mutant: Mutant;
}

const play = async (world: World, { isRepairing, isDistributed, mutant }: Play): Promise<readonly string[]> => {
  const problems: string[] = [];
  const startMs = world.clock.now();
  for (let count = 0; count < 12; count += 1) await world.corrupt();
  const before = [...world.corruptions];
  const findings: Finding[] = [];
  const options = mutant({ ...world.options, ...(isRepairing && { repair: world.invoke }) }, world);
  const onFinding = (finding: Finding): void => {
    findings.push(finding);
    const problem = falseFinding(world, finding);
    if (problem !== undefined) problems.push(problem);
  };
  if (isDistributed) await verifyInTurns(options, world, onFinding);
  else {
    const report = await verifyTable(options, { signal, onFinding });
    if (!report.isComplete) problems.push(`stopped: ${report.stopped}`);
  }
  const played = { world, startMs, before, findings, isDistributed };
  problems.push(...(await notFound(played)));
  await world.calm();
  if (!isRepairing) return problems;
  problems.push(...(await leftWrong(played)));
  await world.forgetAhead();
  const second = await verifyTable(options, { signal });
  if (!second.isEqual) problems.push(`the second run differs: ${JSON.stringify(second.tally)}`);
  const wrong = await world.wrong();
  if (wrong.length > 0) problems.push(`wrong in the end: ${JSON.stringify(wrong)}`);
  return problems;
};

/** Plays worlds: every other one with repairs, half of them in turns. Returns what the verifications did wrong. */
export const playAll = async (
  open: OpenReplica,
  { seed: first, count }: { readonly seed: number; readonly count: number },
  mutant: Mutant = asIs,
): Promise<readonly Problem[]> => {
  const problems: Problem[] = [];
  for (let seed = first; seed < first + count; seed += 1) {
    const world = await newWorld(seed, open);
    try {
      const found = await play(world, { isRepairing: seed % 2 === 0, isDistributed: seed % 4 > 1, mutant });
      problems.push(...found.map((what) => ({ seed, what })));
    } finally {
      await world.close();
    }
  }
  return problems;
};

/** Number of worlds of a property: the usual one, or that of VERIFY_RUNS. */
export const worldsOf = (usual: number): number => Number(process.env.VERIFY_RUNS ?? usual);

/** The first seed: new in each run, or the one of VERIFY_SEED. */
export const firstSeed: number = Number(process.env.VERIFY_SEED ?? Date.now() % 1_000_000);

type Version = (held: string, fraction: string) => string;

/** Changes the versions of repairs just before they are sent. */
const restamped = (options: VerifyOptions, world: World, version: Version): VerifyOptions => {
  const { repair } = options;
  if (repair === undefined) return options;
  const invoke: Invoke = async (event, aborting) => {
    await world.advance(world.random.integer(120_000));
    const target = event.sluice.routes?.[0] ?? "";
    const Records = [];
    for (const record of event.Records) {
      const { S: pk } = (record.dynamodb?.Keys?.pk ?? { S: "" }) as { readonly S: string };
      const held = (await world.heldVersion(target, pk))?.slice(18, 58) ?? "0";
      const [, fraction = ""] = record.dynamodb?.SequenceNumber?.split(".") ?? [];
      Records.push({ ...record, dynamodb: { ...record.dynamodb, SequenceNumber: version(held, fraction) } });
    }
    return repair({ ...event, Records }, aborting);
  };
  return { ...options, repair: invoke };
};

/** Reads each item once, before the first look at its copy, and believes this state at every look. */
const readBefore: Mutant = (options) => {
  const { table } = options;
  const known = new Map<string, Image | undefined>();
  const read: TableReader["read"] = async (keys, aborting, how) => {
    const items = await table.read(keys, aborting, how);
    if (how?.keysOnly === true) return items;
    const texts = keys.map(itemKeyOf);
    for (const text of texts) if (!known.has(text)) known.set(text, items.get(text));
    return new Map(
      texts.flatMap((text) => {
        const item = known.get(text);
        return item === undefined ? [] : [[text, item] as const];
      }),
    );
  };
  return { ...options, table: { read } };
};

const withoutLag: Mutant = ({ lag: _, ...options }) => options;

/** Lists no copies of the targets. */
const withoutKeys: Mutant = (options) => ({
  ...options,
  targets: options.targets.map((target) => {
    const { keys: _, ...sink } = target.sink;
    return { ...target, sink };
  }),
});

/** Believes that two copies with a version are equal. */
const withoutContents: Mutant = (options) => ({
  ...options,
  targets: options.targets.map((target) => ({
    ...target,
    expect: (record) => {
      const expectation = target.expect(record);
      const { read, canonical } = expectation.sink;
      const sink: typeof expectation.sink = {
        ...expectation.sink,
        read: async (...asked) =>
          ((await read?.(...asked)) ?? []).map((held) => held && { version: held.version, state: held.state }),
        canonical: async (...asked) => ((await canonical?.(...asked)) ?? []).map(() => ({})),
      };
      return { ...expectation, sink };
    },
  })),
});

/** Verifications that are wrong in one way, with the number of worlds in which the property finds this. */
export const mutants: Readonly<Record<string, { readonly mutant: Mutant; readonly count: number }>> = {
  "does not wait for changes on their way": { mutant: (options) => ({ ...options, graceMs: 0 }), count: 400 },
  "repairs the version that the target holds after the table was read": {
    mutant: (options, world) => restamped(options, world, (held, fraction) => `${held}.${fraction}`),
    count: 400,
  },
  "repairs with the rank of a backfill": {
    mutant: (options, world) => restamped(options, world, (_, fraction) => `0.${fraction}`),
    count: 400,
  },
  "gives repairs a fraction that may be less than the held one": {
    mutant: (options, world) => restamped(options, world, (held) => `${held}.${"1".padStart(16, "0")}`),
    count: 400,
  },
  "adds a fraction to the fraction": {
    mutant: (options, world) => restamped(options, world, (held, fraction) => `${held}.${fraction}.${fraction}`),
    count: 400,
  },
  "reads the table before the target": { mutant: readBefore, count: 400 },
  "does not know the lag": { mutant: withoutLag, count: 400 },
  "does not list the copies": { mutant: withoutKeys, count: 400 },
  "does not compare values": { mutant: withoutContents, count: 400 },
};
