// Compares a pipeline with two sinks to a pipeline with only the slower sink. One pair of sinks writes to Postgres and
// OpenSearch on this machine. The sinks of the other pair only wait, to simulate remote targets.

import { setTimeout } from "node:timers/promises";
import { Client } from "@opensearch-project/opensearch";
import { pipeline } from "@sluice/core";
import { delivered, type UpsertDelivery } from "@sluice/core/sink-kit";
import { type OpensearchEngine, type PostgresEngine, startOpensearch, startPostgres } from "@sluice/local";
import { postgresSink } from "@sluice/sink-postgres";
import pg from "pg";
import { filmColumns, filmsUpTo, insertEvents, keyAttribute, keyColumn, texts } from "../films.ts";
import { table } from "../markdown.ts";
import { type MeasuredHandler, silent, takeAll } from "../pipeline-handler.ts";
import { type Contender, compete, type Times } from "../rounds.ts";
import { rounded, spread } from "../statistics.ts";
import type { Suite, SuiteOptions, SuiteReport } from "../suite.ts";
import { dropIndex } from "./opensearch-entrant.ts";
import { emptySink } from "./opensearch-sluice.ts";

const relation = "sluice_bench_fan_out";
const index = "sluice-bench-fan-out";

/** Milliseconds that each simulated remote target takes for a batch. */
const farMs = { "far-a": 40, "far-b": 50 } as const;

const near = { both: "near-both", alone: ["postgres", "opensearch"] } as const;
const far = { both: "far-both", alone: ["far-a", "far-b"] } as const;
const names = [near.both, ...near.alone, far.both, ...far.alone];

const start = () => pipeline("films", { onReject: "block", logger: silent });

const contenderOf = (
  name: string,
  events: readonly string[],
  open: () => Promise<MeasuredHandler> | MeasuredHandler,
): Contender<"insert"> => {
  let handler: MeasuredHandler;
  return {
    name,
    reset: async () => {
      handler = await open();
    },
    prepare: (_, batch) => {
      const event: unknown = JSON.parse(events[batch] ?? "");
      return () => takeAll(name, handler, event);
    },
  };
};

const nearContenders = async (
  pool: pg.Pool,
  client: Client,
  events: readonly string[],
): Promise<Contender<"insert">[]> => {
  const rows = postgresSink({ pool, table: relation, key: { [keyColumn]: keyAttribute }, columns: filmColumns });
  await rows.ensure();
  const emptied = async () => {
    await pool.query(`TRUNCATE ${relation}, ${relation}_sluice`);
    return { rows, documents: await emptySink(client, index) };
  };
  return [
    contenderOf(near.both, events, async () => {
      const { rows, documents } = await emptied();
      return start().to(rows).to(documents).handler();
    }),
    contenderOf("postgres", events, async () =>
      start()
        .to((await emptied()).rows)
        .handler(),
    ),
    contenderOf("opensearch", events, async () =>
      start()
        .to((await emptied()).documents)
        .handler(),
    ),
  ];
};

const farSink = (name: keyof typeof farMs) => ({
  name,
  supports: { writes: "upsert" as const },
  write: async (batch: readonly UpsertDelivery<unknown>[]) => {
    await setTimeout(farMs[name]);
    return batch.map(delivered);
  },
  map: ({ after }: { readonly after: unknown }) => after,
});

const farContenders = (events: readonly string[]): Contender<"insert">[] => [
  contenderOf(far.both, events, () => start().to(farSink("far-a")).to(farSink("far-b")).handler()),
  contenderOf("far-a", events, () => start().to(farSink("far-a")).handler()),
  contenderOf("far-b", events, () => start().to(farSink("far-b")).handler()),
];

const reportOf = (times: Times<"insert">, { rounds, batchSize, batches }: SuiteOptions): SuiteReport => {
  const took = (name: string): number => times.median(name, "insert");
  const ratio = ({ both, alone }: typeof near | typeof far): number =>
    rounded(Math.max(...alone.map(took)) / took(both));
  const goal = { atLeast: 0.91 };
  return {
    figures: { "fan-out/vs-slowest": ratio(near), "fan-out/far/vs-slowest": ratio(far) },
    goals: { "fan-out/vs-slowest": goal, "fan-out/far/vs-slowest": goal },
    lines: [
      `${rounds} rounds of ${batches} batches of ${batchSize} inserts; far-a waits ${farMs["far-a"]} ms, far-b ${farMs["far-b"]} ms`,
      "",
      ...table(
        ["", "ms a batch", "rounds"],
        names.map((name) => [name, rounded(took(name) / batches), spread(times.of(name, "insert"))]),
      ),
    ],
  };
};

/** @throws if a target lacks an item */
const assertAllThere = async (pool: pg.Pool, client: Client, expected: number): Promise<void> => {
  const { rows } = await pool.query<{ count: string }>(`SELECT count(*) FROM ${relation}`);
  await client.transport.request({ method: "POST", path: `/${index}/_refresh` });
  const { body } = await client.count({ index });
  if (Number(rows[0]?.count) !== expected || body.count !== expected) {
    throw new Error(`found ${rows[0]?.count} rows and ${body.count} documents; expected ${expected} of each`);
  }
};

const measure = async (pool: pg.Pool, client: Client, options: SuiteOptions): Promise<SuiteReport> => {
  const count = options.batchSize * options.batches;
  const events = texts(insertEvents(await filmsUpTo(count), options.batchSize));
  const ours = await nearContenders(pool, client, events);
  const plan = { batches: options.batches, rounds: options.rounds, mixes: ["insert"] as const, warmups: 3 };
  const times = await compete([...ours, ...farContenders(events)], plan);
  await compete(ours.slice(0, 1), { ...plan, rounds: 1, warmups: 0 });
  await assertAllThere(pool, client, count);
  await dropIndex(client, index);
  return reportOf(times, options);
};

const measureOn = async (database: PostgresEngine, search: OpensearchEngine, options: SuiteOptions) => {
  const pool = new pg.Pool({ connectionString: await database.createDatabase(), max: 10 });
  // When the server ends, idle connections emit an error event. Without a listener the event would end this process.
  pool.on("error", () => undefined);
  const client = new Client({ node: search.url });
  try {
    return await measure(pool, client, options);
  } finally {
    await client.close();
    await pool.end();
  }
};

/** The suite that compares two sinks with only the slower sink. */
export const fanOutSuite: Suite = {
  name: "fan-out",
  run: async (options) => {
    const database = await startPostgres();
    try {
      const search = await startOpensearch({ javaFlags: [] });
      try {
        return await measureOn(database, search, options);
      } finally {
        await search.stop();
      }
    } finally {
      await database.stop();
    }
  },
};
