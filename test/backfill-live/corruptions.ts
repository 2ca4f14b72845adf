// Corruptions of every class, made of what the replicas stored at other times.

import type { FindingClass } from "@sluice/backfill";
import { type Raw, type RawTarget, withNumber } from "./raw-targets.ts";
import { type TargetName, targetNames } from "./targets.ts";
import type { VerifyWorld } from "./verify-world.ts";

/** A copy that was corrupted. */
export interface Corruption {
  readonly kind: string;
  readonly target: TargetName;
  readonly pk: string;
  /** Classes, one of which a verification must find. Empty: the copy is right, so that it must find nothing. */
  readonly expected: readonly FindingClass[];
  /** False if the copy is right, although a finding would not be wrong either. */
  readonly mustBeFound: boolean;
}

/** What happens to an item before it is corrupted, and how it is corrupted. */
interface Kind {
  readonly name: string;
  readonly expected: readonly FindingClass[];
  /** The item after its first state: put again, removed, removed and put again, or put with a class that is ignored. */
  readonly life: "steady" | "changed" | "removed" | "put again" | "ignored";
  /** Returns what the target stores afterwards; undefined for nothing. Null: the target cannot be corrupted in this way. */
  readonly corrupt: (
    target: RawTarget,
    states: { readonly first: Raw; readonly removed: Raw | undefined; readonly now: Raw | undefined },
  ) => Raw | undefined | null;
}

const raised = (raw: Raw): Raw => withNumber(raw, (number) => number + 10n ** 18n);

const kinds: readonly Kind[] = [
  { name: "missing", life: "steady", expected: ["missing"], corrupt: () => undefined },
  {
    name: "wrongly removed",
    life: "put again",
    expected: ["wrongly-removed"],
    corrupt: (_, { removed }) => removed ?? null,
  },
  { name: "stale", life: "changed", expected: ["stale"], corrupt: (_, { first }) => first },
  {
    name: "different",
    life: "steady",
    expected: ["different"],
    corrupt: (target, { now }) => (now === undefined ? null : target.withOtherValue(now)),
  },
  { name: "unexpected", life: "ignored", expected: ["unexpected"], corrupt: (_, { first }) => first },
  { name: "ghost", life: "removed", expected: ["ghost"], corrupt: (_, { first }) => first },
  {
    name: "other value with a version that is too high",
    life: "steady",
    expected: ["different"],
    corrupt: (target, { now }) => (now === undefined ? null : raised(target.withOtherValue(now))),
  },
  {
    name: "ghost with a version that is too high",
    life: "removed",
    expected: ["ghost"],
    corrupt: (_, { first }) => raised(first),
  },
  {
    name: "version that is too high",
    life: "steady",
    expected: [],
    corrupt: (_, { now }) => (now === undefined ? null : raised(now)),
  },
  {
    name: "version that is too low",
    life: "steady",
    expected: [],
    corrupt: (_, { now }) => (now === undefined ? null : withNumber(now, () => 1n)),
  },
  {
    name: "no guard",
    life: "steady",
    expected: ["missing", "different"],
    // The copy itself is right, but any older change would overwrite it.
    corrupt: (target, { now }) => (now === undefined ? null : (target.withoutGuard?.(now) ?? null)),
  },
  {
    name: "ghost without a guard",
    life: "removed",
    expected: ["ghost"],
    corrupt: (target, { first }) => target.withoutGuard?.(first) ?? null,
  },
  {
    name: "guard without a copy",
    life: "steady",
    expected: ["missing", "different"],
    corrupt: (target, { now }) => (now === undefined ? null : (target.withoutCopy?.(now) ?? null)),
  },
];

/** A class of items that every target shows, and one that no target shows. */
const shownClass = 1;
const ignoredClass = 3;

/** An item, and what will be corrupted. */
interface Plan {
  readonly pk: string;
  readonly kind: Kind;
  readonly target: TargetName;
}

const statesOf = async (
  { raw }: VerifyWorld,
  plans: readonly Plan[],
): Promise<ReadonlyMap<string, Raw | undefined>> => {
  const states = await Promise.all(plans.map(async ({ pk, target }) => [pk, await raw[target].get(pk)] as const));
  return new Map(states);
};

const put = (world: VerifyWorld, pk: string, ofClass = shownClass): Promise<void> =>
  world.table.put(world.random, pk, ofClass);

const remove = async ({ table }: VerifyWorld, pk: string): Promise<void> => {
  await table.client.deleteItem({ TableName: table.name, Key: { pk: { S: pk }, sk: { S: "1" } } });
};

/**
 * Puts items, lets each one have its life, and corrupts its copy in one target. `items` of each kind and target. Resolves
 * with the corruptions. All other copies are right.
 */
export const corruptItems = async (world: VerifyWorld, items: number): Promise<readonly Corruption[]> => {
  const plans = kinds.flatMap((kind, number) =>
    targetNames.flatMap((target) =>
      Array.from({ length: items }, (_, index): Plan => ({ pk: `cold-${number}-${target}-${index}`, kind, target })),
    ),
  );
  const living = (life: Kind["life"]): readonly Plan[] => plans.filter(({ kind }) => kind.life === life);
  await Promise.all(plans.map(({ pk }) => put(world, pk)));
  await world.drained();
  const first = await statesOf(world, plans);
  await Promise.all([
    ...living("changed").map(({ pk }) => put(world, pk)),
    ...living("ignored").map(({ pk }) => put(world, pk, ignoredClass)),
    ...[...living("removed"), ...living("put again")].map(({ pk }) => remove(world, pk)),
  ]);
  await world.drained();
  const removed = await statesOf(world, plans);
  await Promise.all(living("put again").map(({ pk }) => put(world, pk)));
  await world.drained();
  const now = await statesOf(world, plans);
  const made: Corruption[] = [];
  for (const { pk, kind, target } of plans) {
    const before = first.get(pk);
    if (before === undefined) throw new Error(`${target} stores nothing of ${pk}, which was copied`);
    const states = { first: before, removed: removed.get(pk), now: now.get(pk) };
    const raw = kind.corrupt(world.raw[target], states);
    if (raw === null) continue;
    await world.raw[target].set(pk, raw);
    const { name, expected } = kind;
    made.push({ kind: name, target, pk, expected, mustBeFound: expected.length > 0 });
  }
  return made;
};

/** What the targets stored of items at some time. */
export type Memories = ReadonlyMap<string, Raw | undefined>;

const nameOf = (target: TargetName, pk: string): string => `${target} ${pk}`;

/** Reads what every target stores of these items. */
export const memoriesOf = async ({ raw }: VerifyWorld, pks: readonly string[]): Promise<Memories> => {
  const pairs = pks.flatMap((pk) => targetNames.map((target) => ({ target, pk })));
  const states = await Promise.all(pairs.map(({ target, pk }) => raw[target].get(pk)));
  return new Map(pairs.map(({ target, pk }, index) => [nameOf(target, pk), states[index]]));
};

/** Puts a copy of an item that writers change back to an earlier state, or removes it. Returns which one. */
export const corruptHot = async (
  { raw, random }: VerifyWorld,
  pks: readonly [string, ...string[]],
  memories: Memories,
): Promise<{ readonly target: TargetName; readonly pk: string }> => {
  const target = random.pick(targetNames);
  const pk = random.pick(pks);
  const earlier = memories.get(nameOf(target, pk));
  const state = random.chance(0.7) ? earlier : undefined;
  await raw[target].set(pk, state !== undefined && random.chance(0.3) ? raw[target].withOtherValue(state) : state);
  return { target, pk };
};
