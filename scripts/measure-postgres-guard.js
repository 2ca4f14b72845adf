// Measures what the guard of the Postgres sink costs, in one process and in alternating rounds, and prints ratios of medians:
// a removal with onlyIfPresent against a full removal, and rows with owners (key function, varchar(n)) against rows without.
//
//   npx tsc -b && node scripts/measure-postgres-guard.js [rounds]

import { startPostgres } from "@sluice/local";
import { postgresSink } from "@sluice/sink-postgres";
import { streamChange } from "@sluice/testing";
import pg from "pg";

const rounds = Number(process.argv[2] ?? 15);
const size = 1_000;
const context = { signal: new AbortController().signal, remainingMs: () => Number.POSITIVE_INFINITY };

/** One delivery for each of the items. `change` gives what differs. */
const deliveries = (prefix, position, change) =>
  Array.from({ length: size }, (_, index) => {
    const keys = { pk: `${prefix}-${index}`, sk: "s" };
    const record = { keyNames: ["pk", "sk"], position };
    const isLive = change.state !== undefined;
    return {
      change: streamChange(isLive ? { ...record, after: { ...keys, ...change } } : { ...record, before: keys }),
      message: isLive ? { state: change.state } : undefined,
      earlier: [],
      ...(change.onlyIfPresent && { onlyIfPresent: true }),
    };
  });

/** The guard's condition before a message could replace a tombstone of its own version. */
const oldCondition = 'held."sluice_version" < EXCLUDED."sluice_version"';
const condition = /\(held\."sluice_version" < EXCLUDED\."sluice_version" OR[\s\S]*?IS NULL\)\)/;

const withOldCondition = (pool) => ({
  connect: async () => {
    const client = await pool.connect();
    return {
      query: (query) => client.query({ ...query, text: query.text.replace(condition, oldCondition) }),
      release: (error) => client.release(error),
    };
  },
  end: () => pool.end(),
});

const median = (values) => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)];

const engine = await startPostgres();
const pool = new pg.Pool({ connectionString: await engine.createDatabase(), max: 2 });
pool.on("error", () => undefined);
const create = async (table, key, own = pool, type = "text") => {
  await pool.query(`CREATE TABLE ${table} (pk ${type}, sk text, state text, PRIMARY KEY (pk, sk))`);
  const sink = postgresSink({ pool: own, table, ...(key && { key }) });
  await sink.ensure();
  return sink;
};
const sinks = {
  proved: await create("proved"),
  before: await create("before", undefined, withOldCondition(pool)),
  function: await create("by_function", (keys) => ({ pk: keys.pk, sk: keys.sk })),
  varying: await create("varying", undefined, pool, "varchar(40)"),
};
const times = {};
const timed = async (name, sink, batch) => {
  const start = performance.now();
  const results = await sink.write(batch, context);
  const ms = performance.now() - start;
  if (results.some(({ outcome }) => outcome === "failed")) throw new Error(`${name} failed`);
  times[name] ??= [];
  times[name].push(ms);
};

for (let round = 0; round < rounds + 3; round++) {
  if (round === 3) {
    // The engine runs without autovacuum, which would collect the planner's statistics.
    await pool.query("ANALYZE");
    for (const name of Object.keys(times)) times[name] = [];
  }
  const names = Object.keys(sinks);
  for (const offset of names.keys()) {
    const name = names[(round + offset) % names.length];
    const sink = sinks[name];
    await timed(`${name}: insert`, sink, deliveries(`r${round}`, 1, { state: "a" }));
    await timed(`${name}: update`, sink, deliveries(`r${round}`, 2, { state: "b" }));
    await timed(`${name}: redelivered`, sink, deliveries(`r${round}`, 2, { state: "b" }));
    await timed(`${name}: never present, removed`, sink, deliveries(`n${round}`, 3, {}));
    await timed(`${name}: never present, onlyIfPresent`, sink, deliveries(`m${round}`, 3, { onlyIfPresent: true }));
  }
}
for (const [name, values] of Object.entries(times)) {
  const ms = median(values);
  console.log(
    `${name.padEnd(42)} ${ms.toFixed(1).padStart(7)} ms per ${size}, ${((ms * 1000) / size).toFixed(1)} µs each`,
  );
}
const ratio = (one, other) =>
  console.log(`${one} / ${other}: ${(median(times[one]) / median(times[other])).toFixed(2)}`);
for (const load of ["insert", "update", "redelivered"]) {
  ratio(`proved: ${load}`, `before: ${load}`);
  ratio(`function: ${load}`, `proved: ${load}`);
  ratio(`varying: ${load}`, `proved: ${load}`);
}
for (const name of ["proved", "varying", "function"])
  ratio(`${name}: never present, onlyIfPresent`, `${name}: never present, removed`);
await pool.end();
await engine.stop();
