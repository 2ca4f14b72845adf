// Random histories of items that meet in few rows, compared with a model. Changes arrive in random order, repeatedly,
// by several writers at once whose connections fail, before or after a statement has run. Each defect in the list must
// be found.

import { setTimeout } from "node:timers/promises";
import { afterAll, describe, expect, test } from "@jest/globals";
import type { Change, UpsertDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import {
  type PostgresPool,
  type PostgresQuery,
  type PostgresRow,
  type PostgresSink,
  postgresSink,
} from "../src/index.ts";
import { changeOf, type Database, invocation, newDatabase, removalOf, upsertOf } from "./support/deliveries.ts";
import { type Random, randomOf } from "./support/random.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

/** Of each layout. `SHARED_ROWS_RUNS` sets another number. */
const histories = Number(process.env.SHARED_ROWS_RUNS ?? 60);
/** The most histories in which a defect must be found. The defects show in 2 to 12 % of the histories. */
const mostMutantHistories = 1000;
const firstSeed = Number(process.env.SLUICE_SEED ?? 20_261_128);

type Delivery = UpsertDelivery<PostgresRow>;
const isSwap = ({ text }: PostgresQuery): boolean => text.includes("next AS MATERIALIZED");

type Rewrite = (query: PostgresQuery) => PostgresQuery;

/** Returns one of the values. */
const pick = <Value>(random: Random, values: readonly Value[]): Value =>
  values[Math.floor(random() * values.length)] as Value;

/** A pool whose queries are rewritten, and fail at random: before or after the server has run them. */
const faultyPool = (pool: PostgresPool, random: Random, rewrite: Rewrite): PostgresPool => {
  const lost = () => Object.assign(new Error("lost"), { code: "ECONNRESET" });
  return {
    connect: async () => {
      const client = await pool.connect();
      return {
        query: async (query) => {
          const chance = random();
          if (chance < 0.03) throw lost();
          // Other writers may change the rows between the read and the swap.
          if (isSwap(query)) await setTimeout(3 * random());
          const result = await client.query(rewrite(query));
          if (chance < 0.06) throw lost();
          return result;
        },
        release: (error) => client.release(error),
      };
    },
    end: () => pool.end(),
  };
};

/** Writes a batch, and retries what failed, as core does. */
const writeUntilTaken = async (sink: PostgresSink, batch: readonly Delivery[]): Promise<void> => {
  let left = batch;
  for (let attempt = 0; left.length > 0; attempt++) {
    if (attempt > 50) throw new Error("the batch fails for ever");
    const results = await sink.write(left, invocation()).catch(() => undefined);
    if (results === undefined) continue;
    for (const result of results)
      if (result.outcome === "failed" && result.error.code === "SINK_REJECTED") throw result.error;
    const again = new Set(results.filter(({ outcome }) => outcome === "failed").map(({ delivery }) => delivery));
    left = left.filter((one) => again.has(one));
  }
};

/** All changes of the items, each with the position of the change in the stream. */
const randomChanges = (random: Random, ids: readonly string[]): Delivery[] => {
  const length = 4 + Math.floor(random() * 14);
  const arrived = new Set<string>();
  return Array.from({ length }, (_, index) => {
    const id = pick(random, ids);
    const position = index + 1;
    const chance = random();
    if (chance < 0.6) {
      arrived.add(id);
      return upsertOf(changeOf({ id }, position, {}), { state: `${id}:${position}` });
    }
    const removal = removalOf(changeOf({ id }, position));
    // Only an item that never had a copy may be removed as a precaution.
    return chance < 0.75 && !arrived.has(id) ? { ...removal, onlyIfPresent: true } : removal;
  });
};

/** The newest change of each item. */
const newestOf = (changes: readonly Delivery[]): Delivery[] => {
  const newest = new Map<string, Delivery>();
  for (const one of changes) {
    const held = newest.get(one.change.itemKey);
    if (held === undefined || held.change.version < one.change.version) newest.set(one.change.itemKey, one);
  }
  return [...newest.values()];
};

/** What the table must show: for each row, the newest live item. */
const model = (changes: readonly Delivery[], rowOf: (id: string) => string, idOf: (id: string) => string) => {
  const rows = new Map<string, Delivery>();
  for (const one of newestOf(changes).filter(({ message }) => message !== undefined)) {
    const row = rowOf(String(one.change.keys.id));
    const held = rows.get(row);
    if (held === undefined || held.change.version < one.change.version) rows.set(row, one);
  }
  return [...rows.values()].map(({ change, message }) => `${idOf(String(change.keys.id))}=${message?.state}`).sort();
};

/** Splits deliveries, in random order and with repeats, into batches that contain each item at most once. */
const batchesOf = (random: Random, deliveries: readonly Delivery[]): Delivery[][] => {
  const repeated = deliveries.flatMap((one) => Array.from({ length: 1 + Math.floor(random() * 2) }, () => one));
  const batches: Delivery[][] = [[]];
  for (const one of random.shuffle(repeated)) {
    const last = batches.at(-1) as Delivery[];
    const isFree = last.every(({ change }) => change.itemKey !== one.change.itemKey);
    if (isFree && random() < 0.7) last.push(one);
    else batches.push([one]);
  }
  return batches.filter((batch) => batch.length > 0);
};

interface Layout {
  readonly create: string;
  /** The items of a history. */
  readonly ids: (prefix: string) => readonly string[];
  readonly rowOf: (id: string) => string;
  /** The key that the row of the item has. */
  readonly idOf: (id: string) => string;
  readonly key?: (keys: Change["keys"]) => { readonly id: string };
}

const layouts: Readonly<Record<string, Layout>> = {
  "keys that differ in case": {
    create: `CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      CREATE TABLE items (id text COLLATE caseless PRIMARY KEY, state text)`,
    ids: (prefix) => ["ab", "Ab", "aB", "c", "C"].map((id) => prefix + id),
    rowOf: (id) => id.toLowerCase(),
    idOf: (id) => id,
  },
  "a key function that joins items": {
    create: "CREATE TABLE items (id text PRIMARY KEY, state text)",
    ids: (prefix) => ["a/1", "a/2", "a/3", "b/1", "b/2"].map((id) => prefix + id),
    rowOf: (id) => id.split("/")[0] ?? "",
    idOf: (id) => id.split("/")[0] ?? "",
    key: ({ id }) => ({ id: String(id).split("/")[0] ?? "" }),
  },
};

const unchanged: Rewrite = (query) => query;

const openLayout = async (engine: Parameters<typeof newDatabase>[0], layout: Layout): Promise<Database> => {
  const database = await newDatabase(engine, 8);
  await database.sql(layout.create);
  await postgresSink({ pool: database.pool, table: "items", ...(layout.key && { key: layout.key }) }).ensure();
  return database;
};

/** Plays one history. Returns what the table shows, and what it must show. */
const play = async (database: Database, layout: Layout, seed: number, rewrite: Rewrite) => {
  const random = randomOf(seed);
  const prefix = `${seed}-`;
  const changes = randomChanges(random, layout.ids(prefix));
  const writers = Array.from({ length: 3 }, () =>
    postgresSink({
      pool: faultyPool(database.pool, random, rewrite),
      table: "items",
      ...(layout.key && { key: layout.key }),
    }),
  );
  const shares = writers.map((): Delivery[] => []);
  for (const one of changes) {
    const first = Math.floor(random() * shares.length);
    shares[first]?.push(one);
    if (random() < 0.5) shares[(first + 1) % shares.length]?.push(one);
  }
  await Promise.all(
    writers.map(async (writer, index) => {
      for (const batch of batchesOf(random, shares[index] ?? [])) await writeUntilTaken(writer, batch);
    }),
  );
  const rows = await database.sql('SELECT id, state FROM items WHERE starts_with(id COLLATE "C", $1)', [prefix]);
  return {
    shown: rows.map(({ id, state }) => `${id}=${state}`).sort(),
    expected: model(changes, layout.rowOf, layout.idOf),
  };
};

const replaceIn =
  (from: string, to: string): Rewrite =>
  (query) => ({ ...query, text: query.text.replaceAll(from, to) });

/** Changes the claims that a swap stores. */
const changeClaims =
  (change: (claim: Record<string, unknown>) => boolean): Rewrite =>
  (query) => {
    if (!isSwap(query)) return query;
    const swaps = JSON.parse(String(query.values.at(-1))) as {
      claims: Record<string, Record<string, unknown>> | null;
    }[];
    const claimsOf = (claims: Record<string, Record<string, unknown>> | null) =>
      claims && Object.fromEntries(Object.entries(claims).filter(([, claim]) => change(claim)));
    const changed = swaps.map((swap) => ({ ...swap, claims: claimsOf(swap.claims) }));
    return { ...query, values: [...query.values.slice(0, -1), JSON.stringify(changed)] };
  };

const mutants: Readonly<Record<string, Rewrite>> = {
  "ignores the owner": replaceIn(
    '(held."sluice_owner" IS NULL OR held."sluice_owner" = EXCLUDED."sluice_owner")',
    "true",
  ),
  "removes a row without looking at the other owners": replaceIn(
    'AND (EXCLUDED."sluice_removed_at" IS NULL OR held."sluice_claims" IS NULL)',
    "",
  ),
  "forgets departures": changeClaims((claim) => !("x" in claim)),
  "forgets the contents of other owners, and cannot restore them": changeClaims((claim) => "x" in claim),
  "swaps a state that has changed since it was read": (query) => ({
    ...query,
    text: query.text.replace(/WHERE held."sluice_version" = u.seen_version[\s\S]*?ORDER BY/, "ORDER BY"),
  }),
};

describeWithPostgres("items that share rows", (engine) => {
  for (const [name, layout] of Object.entries(layouts)) {
    test(`${name}: ${histories} random histories end like the model`, async () => {
      const database = await openLayout(engine, layout);
      for (let seed = firstSeed; seed < firstSeed + histories; seed++) {
        const { shown, expected } = await play(database, layout, seed, unchanged);
        expect({ seed, shown }).toEqual({ seed, shown: expected });
      }
      await database.close();
    }, 300_000);
  }

  /** Plays a history in which two versions of the key function are alive. Each change meets one of them. */
  const playMoving = async (database: Database, seed: number, rewrite: Rewrite) => {
    const random = randomOf(seed);
    const prefix = `${seed}-`;
    const changes = randomChanges(
      random,
      ["a", "b", "c"].map((id) => prefix + id),
    );
    const writers = ["-old", "-new"].map((suffix) =>
      postgresSink({
        pool: faultyPool(database.pool, random, rewrite),
        table: "items",
        key: ({ id }) => ({ id: String(id) + suffix }),
      }),
    );
    const shares = writers.map((): Delivery[] => []);
    for (const one of changes) pick(random, shares).push(one);
    await Promise.all(
      writers.map(async (writer, index) => {
        for (const batch of batchesOf(random, shares[index] ?? [])) await writeUntilTaken(writer, batch);
      }),
    );
    const rows = await database.sql("SELECT state FROM items WHERE starts_with(id, $1)", [prefix]);
    const live = newestOf(changes).flatMap(({ message }) => (message === undefined ? [] : [message.state]));
    return { shown: rows.map(({ state }) => state).sort(), expected: live.sort() };
  };

  const openMoving = async () => openLayout(engine, layouts["a key function that joins items"] as Layout);

  test(`two versions of a key function: ${histories} random histories leave one row of each live item`, async () => {
    const database = await openMoving();
    for (let seed = firstSeed; seed < firstSeed + histories; seed++) {
      const { shown, expected } = await playMoving(database, seed, unchanged);
      expect({ seed, shown }).toEqual({ seed, shown: expected });
    }
    await database.close();
  }, 300_000);

  test("the histories find a sink that does not look for the rows of another key function", async () => {
    const database = await openMoving();
    let found = false;
    for (let seed = firstSeed; !found && seed < firstSeed + mostMutantHistories; seed++) {
      const { shown, expected } = await playMoving(
        database,
        seed,
        replaceIn("WHERE NOT (held", "WHERE false AND NOT (held"),
      );
      found = shown.join() !== expected.join();
    }
    expect(found).toBe(true);
    await database.close();
  }, 300_000);

  for (const [name, rewrite] of Object.entries(mutants)) {
    test(`the histories find a sink that ${name}`, async () => {
      const layout = layouts["keys that differ in case"] as Layout;
      const database = await openLayout(engine, layout);
      let found = false;
      for (let seed = firstSeed; !found && seed < firstSeed + mostMutantHistories; seed++) {
        const { shown, expected } = await play(database, layout, seed, rewrite);
        found = shown.join() !== expected.join();
      }
      expect(found).toBe(true);
      await database.close();
    }, 300_000);
  }
});
