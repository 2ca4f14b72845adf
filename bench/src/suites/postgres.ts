// Measures the time from an event to a commit in Postgres. Compares the pipeline's handler, once with each guard, to
// Powertools' BatchProcessor with a hand-written upsert, and to the raw limit. For each batch, the raw limit runs one
// unguarded statement with prepared arrays.

import { type PostgresEngine, startPostgres } from "@sluice/local";
import type { PostgresGuard } from "@sluice/sink-postgres";
import pg from "pg";
import { batched, filmColumns, filmsUpTo, insertEvents, texts, updateEvents, voted } from "../films.ts";
import { table } from "../markdown.ts";
import { compete, type Times } from "../rounds.ts";
import { rounded } from "../statistics.ts";
import type { Figures, Goal, Suite, SuiteOptions, SuiteReport } from "../suite.ts";
import { assertSameContent, serverOf, serverSettings } from "./postgres-content.ts";
import { contenderOf, type Entrant, type Material, type Mix, mixes, timeTable } from "./postgres-entrant.ts";
import { powertoolsUpsert } from "./postgres-powertools.ts";
import { rawUpsert } from "./postgres-raw.ts";
import { sluiceUpsert } from "./postgres-sluice.ts";

const guards = ["inline", "version-table"] as const satisfies readonly PostgresGuard[];
const peers = ["raw", "raw-two-connections", "powertools-parallel", "powertools-sequential"] as const;

const goals: Readonly<Record<string, Goal>> = Object.fromEntries(
  guards.flatMap((guard) =>
    mixes.flatMap((mix) => [
      [`postgres/${guard}/${mix}/vs-raw`, { atLeast: guard === "inline" ? 1 : 0.9 }],
      [`postgres/${guard}/${mix}/vs-powertools-parallel`, { atLeast: 10 }],
    ]),
  ),
);

const materialOf = async ({ batchSize, batches }: SuiteOptions): Promise<Material> => {
  const films = await filmsUpTo(batchSize * batches);
  const updates = texts(updateEvents(films, batchSize));
  const later = batched(films.map(voted), batchSize);
  return {
    events: { insert: texts(insertEvents(films, batchSize)), update: updates, redelivered: updates },
    films: { insert: batched(films, batchSize), update: later, redelivered: later },
  };
};

const views = (entrants: readonly Entrant[]): string[] => entrants.map(({ view }) => view);

const figuresOf = (times: Times<Mix>, records: number): Figures => {
  const figures: Record<string, number> = {};
  for (const guard of guards) {
    for (const mix of mixes) {
      const name = `postgres/${guard}/${mix}`;
      for (const peer of peers)
        figures[`${name}/vs-${peer}`] = rounded(times.median(peer, mix) / times.median(guard, mix));
      figures[`${name}/records-per-second`] = Math.round((1000 * records) / times.median(guard, mix));
    }
  }
  return figures;
};

const ratioTable = (figures: Figures): string[] =>
  table(
    ["", ...peers.map((peer) => `vs ${peer}`)],
    guards.flatMap((guard) =>
      mixes.map((mix) => [
        `${guard}, ${mix}`,
        ...peers.map((peer) => `${figures[`postgres/${guard}/${mix}/vs-${peer}`]} ×`),
      ]),
    ),
  );

const measure = async (engine: PostgresEngine, options: SuiteOptions): Promise<SuiteReport> => {
  const pool = new pg.Pool({ connectionString: await engine.createDatabase(), max: 10 });
  // When the server ends, idle connections emit an error event. Without a listener the event would end this process.
  pool.on("error", () => undefined);
  try {
    const material = await materialOf(options);
    const entrants = [
      ...(await Promise.all(guards.map((guard) => sluiceUpsert(pool, guard, material)))),
      await rawUpsert(pool, material),
      await rawUpsert(pool, material, { name: "raw-two-connections", connections: 2 }),
      await powertoolsUpsert(pool, "powertools-parallel", material),
      await powertoolsUpsert(pool, "powertools-sequential", material),
    ];
    const contenders = entrants.map((entrant) => contenderOf(pool, entrant));
    const times = await compete(contenders, { ...options, mixes, warmups: 3 });
    await assertSameContent(pool, views(entrants), options.batchSize * options.batches);
    const records = options.batchSize * options.batches;
    const figures = figuresOf(times, records);
    const run = `${options.rounds} rounds of ${options.batches} batches of ${options.batchSize} records, ${Object.keys(filmColumns).length} columns; ${await serverOf(pool)}`;
    const names = contenders.map(({ name }) => name);
    return {
      figures,
      goals,
      lines: [run, "", ...timeTable(times, names, { records, unit: "records" }), "", ...ratioTable(figures)],
    };
  } finally {
    await pool.end();
  }
};

/** The suite that compares the pipeline's writes to Postgres with Powertools and the raw limit. */
export const postgresSuite: Suite = {
  name: "postgres",
  run: async (options) => {
    const engine = await startPostgres({ settings: serverSettings });
    try {
      return await measure(engine, options);
    } finally {
      await engine.stop();
    }
  },
};
