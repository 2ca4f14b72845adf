// Random histories of users who take usernames from each other. The username is the key in the target. When a user
// takes another user's username, both users have this username until the other user's item changes.

import { decodeRecord, type StreamRecord } from "@sluice/core/sink-kit";
import { type DeliveryStep, tableHistory } from "@sluice/testing";

/** A history, and the final state that the target must have. */
export interface UsernameHistory {
  readonly records: readonly StreamRecord[];
  readonly deliveries: readonly DeliveryStep[];
  /** The final user of each username, with the revision of the user's item. */
  readonly expected: readonly { readonly username: string; readonly user: string; readonly revision: number }[];
}

/** Creates a generator of whole numbers below a limit (mulberry32). Equal seeds give equal numbers. */
export const randomOf = (seed: number): ((limit: number) => number) => {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
};

/** A generator of whole numbers below a limit. */
export type Random = ReturnType<typeof randomOf>;

/** Returns the entries in random order. */
export const shuffled = <Entry>(random: Random, entries: readonly Entry[]): Entry[] => {
  const all = [...entries];
  for (let last = all.length - 1; last > 0; last -= 1) {
    const other = random(last + 1);
    [all[last], all[other]] = [all[other] as Entry, all[last] as Entry];
  }
  return all;
};

/** The steps that deliver a batch. A crash may come first. An earlier batch may be delivered again in parallel. */
const stepsOf = (random: Random, batch: readonly StreamRecord[], past: readonly (readonly StreamRecord[])[]) => {
  const steps: DeliveryStep[] = [];
  if (random(5) === 0) steps.push({ kind: "crash", records: batch, written: random(batch.length + 1) });
  const repeats = random(3) === 0 ? [past[random(past.length)] ?? batch] : [];
  steps.push({ kind: "parallel", batches: shuffled(random, [batch, ...repeats]) });
  return steps;
};

/** Returns steps that deliver the records of two shards, with crashes, repeats and redrives. */
export const deliveriesOf = (random: Random, records: readonly StreamRecord[]): DeliveryStep[] => {
  const shards: StreamRecord[][] = [[], []];
  for (const record of records) {
    const { pk } = decodeRecord(record).keys;
    (shards[Number(String(pk).at(-1)) % 2] as StreamRecord[]).push(record);
  }
  const steps: DeliveryStep[] = [];
  const past: (readonly StreamRecord[])[] = [];
  for (
    let left = shards.filter((shard) => shard.length > 0);
    left.length > 0;
    left = left.filter((shard) => shard.length > 0)
  ) {
    const shard = left[random(left.length)] as StreamRecord[];
    const batch = shard.splice(0, 1 + random(4));
    steps.push(...stepsOf(random, batch, past));
    past.push(batch);
  }
  const late = Array.from({ length: 3 }, () => records[random(records.length)] as StreamRecord);
  return [...steps, ...late.map((record): DeliveryStep => ({ kind: "redrive", record }))];
};

/** A history of four users and five usernames, in which users choose, give up, change, swap and rotate usernames. */
export const usernameHistory = (seed: number, prefix: string): UsernameHistory => {
  const random = randomOf(seed);
  const table = tableHistory({ tableName: `Users-${prefix}`, keyNames: ["pk"] });
  const usernames = new Map<string, number>();
  const revisions = new Map<string, number>();
  let revision = 0;

  const assign = (user: string, username: number): void => {
    revision += 1;
    table.put({ pk: user, username: `${prefix}-${username}`, revision });
    usernames.set(user, username);
    revisions.set(user, revision);
  };
  const free = (): number[] => [0, 1, 2, 3, 4].filter((username) => ![...usernames.values()].includes(username));
  const rotate = (users: readonly string[]): void => {
    const wanted = users.map((user) => usernames.get(user) as number);
    for (const [index, user] of users.entries()) assign(user, wanted[(index + 1) % wanted.length] as number);
  };

  const step = (): void => {
    const user = `${prefix}-u${random(4)}`;
    const others = shuffled(
      random,
      [...usernames.keys()].filter((other) => other !== user),
    );
    const roll = random(10);
    if (!usernames.has(user)) assign(user, free()[random(free().length)] as number);
    else if (roll < 2) {
      table.remove({ pk: user });
      usernames.delete(user);
    } else if (roll < 5) assign(user, free()[random(free().length)] as number);
    else if (roll < 6) assign(user, usernames.get(user) as number);
    else if (others.length > 0) rotate([user, ...others.slice(0, 1 + random(others.length))]);
  };
  for (let count = 0; count < 10; count += 1) step();

  const expected = [...usernames].map(([user, username]) => ({
    username: `${prefix}-${username}`,
    user,
    revision: revisions.get(user) as number,
  }));
  return { records: table.records(), deliveries: deliveriesOf(random, table.records()), expected };
};
