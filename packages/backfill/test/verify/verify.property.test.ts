// Verifications beside writes, late deliveries and corruptions: no false finding, every true one found, and all repaired.

import { describe, expect, test } from "@jest/globals";
import { streamEpoch } from "@sluice/core/envelope";
import {
  type Finding,
  type FindingClass,
  type Invoke,
  type TableReader,
  type VerifyOptions,
  verifyTable,
} from "../../src/index.ts";
import { newWorld, type World } from "./world.ts";

const histories = 60;

/** What a run did wrong. */
interface Problem {
  readonly seed: number;
  readonly what: string;
}

/** A verification under test: the real one, or one that is wrong in one way. */
type Mutant = (options: VerifyOptions, world: World) => VerifyOptions;

const asIs: Mutant = (options) => options;

/** A finding is reported after its last look, and then some requests. A repaired copy may change before its proof. */
const reportMs = 30_000;
const proofMs = 200_000;

/** The item may have changed since it was corrupted, and the copy's class with it. */
const classesAfter: { readonly [Class in FindingClass]: readonly Finding["class"][] } = {
  missing: ["missing"],
  "wrongly-removed": ["wrongly-removed"],
  stale: ["stale", "different"],
  different: ["different", "stale"],
  unexpected: ["unexpected"],
  ghost: ["ghost", "unexpected"],
};

const falseFinding = (world: World, finding: Finding): string | undefined => {
  if (finding.class === "in flight") return undefined;
  const pk = world.keysOf(finding);
  const now = world.clock.now();
  const causes = world.corruptions.filter(
    (one) =>
      one.target === finding.target && one.pk === pk && one.healedAtMs >= now - (finding.repair ? proofMs : reportMs),
  );
  if (causes.length === 0) return `false finding: ${finding.class} ${finding.target} ${pk}`;
  if (causes.some((one) => classesAfter[one.class].includes(finding.class))) return undefined;
  return `wrong class: ${finding.class} of ${causes.map((one) => one.class)}`;
};

/** Runs a verification in a world that goes on. Returns what it did wrong. */
const play = async (seed: number, isRepairing: boolean, mutant: Mutant): Promise<readonly Problem[]> => {
  const problems: string[] = [];
  const world = await newWorld(seed);
  const startMs = world.clock.now();
  for (let count = 0; count < 12; count += 1) world.corrupt();
  const before = [...world.corruptions];
  const findings: Finding[] = [];
  const options = { ...world.options, ...(isRepairing && { repair: world.invoke }) };
  const { signal } = new AbortController();
  const report = await verifyTable(mutant(options, world), {
    signal,
    onFinding: (finding) => {
      findings.push(finding);
      const problem = falseFinding(world, finding);
      if (problem !== undefined) problems.push(problem);
    },
  });
  if (!report.isComplete) problems.push(`stopped: ${report.stopped}`);
  const found = (target: string, pk: string, isInFlight: boolean): boolean =>
    findings.some(
      (one) => one.target === target && world.keysOf(one) === pk && (one.class === "in flight") === isInFlight,
    );
  for (const { target, pk, healedAtMs } of before) {
    const isUntouched = healedAtMs > world.clock.now() && (world.writtenAtMs.get(pk) ?? 0) < startMs;
    if (isUntouched && !found(target, pk, false)) problems.push(`not found: ${target} ${pk}`);
  }
  await world.calm();
  if (isRepairing) {
    for (const { target, pk } of world.wrong()) {
      const isCorruptedSince = world.corruptions.some(
        (one) => one.target === target && one.pk === pk && one.atMs > startMs && one.healedAtMs > world.clock.now(),
      );
      if (!isCorruptedSince && !found(target, pk, true)) problems.push(`left wrong: ${target} ${pk}`);
    }
    const second = await verifyTable(mutant({ ...options, repair: world.invoke }, world), { signal });
    if (!second.isEqual) problems.push(`the second run differs: ${JSON.stringify(second.tally)}`);
    if (world.wrong().length > 0) problems.push(`wrong in the end: ${JSON.stringify(world.wrong())}`);
  }
  return problems.map((what) => ({ seed, what }));
};

const playAll = async (mutant: Mutant, firstSeed: number, count: number): Promise<readonly Problem[]> => {
  const problems: Problem[] = [];
  for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
    problems.push(...(await play(seed, seed % 2 === 0, mutant)));
  }
  return problems;
};

const firstSeed = Number(process.env.SLUICE_SEED ?? Date.now() % 1_000_000);

describe(`verify beside a live stream, from seed ${firstSeed}`, () => {
  test("reports no copy that is right, finds every wrong one, and repairs all", async () => {
    expect(await playAll(asIs, firstSeed, histories)).toEqual([]);
  });
});

/** Reads the target after the table: the repair has the version that the target holds when the repair is sent. */
const stampedLate: Mutant = (options, world) => {
  const { repair } = options;
  if (repair === undefined) return options;
  const invoke: Invoke = async (event, signal) => {
    await world.advance(world.random.integer(20_000));
    const target = event.sluice.routes?.[0] ?? "";
    const Records = event.Records.map((record) => {
      const { S: pk } = (record.dynamodb?.Keys?.pk ?? { S: "" }) as { readonly S: string };
      const held = world.heldVersion(target, pk)?.slice(18, 58) ?? "0";
      const fraction = record.dynamodb?.SequenceNumber?.split(".")[1];
      return { ...record, dynamodb: { ...record.dynamodb, SequenceNumber: `${held}.${fraction}` } };
    });
    return repair({ ...event, Records }, signal);
  };
  return { ...options, repair: invoke };
};

/** Repairs with the version of a backfill. */
const likeBackfill: Mutant = (options) => {
  const { repair } = options;
  if (repair === undefined) return options;
  return {
    ...options,
    repair: (event, signal) => {
      const Records = event.Records.map((record) => {
        const fraction = record.dynamodb?.SequenceNumber?.split(".")[1];
        return { ...record, dynamodb: { ...record.dynamodb, SequenceNumber: `0.${fraction}` } };
      });
      return repair({ ...event, Records }, signal);
    },
  };
};

/** Reads the table once, before the target, and without consistency. */
const readBefore: Mutant = (options, world) => {
  const { table } = options;
  const cached = new Map<string, Awaited<ReturnType<TableReader["read"]>>>();
  const read: TableReader["read"] = async (keys, signal, how) => {
    const text = JSON.stringify(keys);
    const known = cached.get(text);
    cached.delete(text);
    if (known !== undefined) return known;
    const items = await table.read(keys, signal, how);
    if (how?.keysOnly !== true) cached.set(text, items);
    await world.advance(world.random.integer(60_000));
    return items;
  };
  return { ...options, table: { read } };
};

describe("the property finds a verification", () => {
  test.each<readonly [string, Mutant, number]>([
    ["that does not wait for changes on their way", (options) => ({ ...options, graceMs: 0 }), 40],
    ["that reads the target again after the table, and repairs this version", stampedLate, 80],
    ["that repairs with the rank of a backfill", likeBackfill, 10],
    ["that reads the table long before the target", readBefore, 80],
  ])("%s", async (_, mutant, count) => {
    expect(await playAll(mutant, firstSeed, count)).not.toEqual([]);
  });
});

test("the worlds have the epoch of their stream", async () => {
  const { options } = await newWorld(1);
  expect(streamEpoch(options.origin.streamArn)).toBe("20260102030405678");
});
