// Measures the copy of a table in DynamoDB Local to Postgres: a backfill by the handler of a pipeline, the raw limit, and
// a hand-written loop. A second comparison has prepared pages in place of DynamoDB Local, whose scan takes most of the time.

import type { ScanClient } from "@sluice/backfill";
import type { PostgresGuard } from "@sluice/sink-postgres";
import type pg from "pg";
import { table as markdownTable } from "../markdown.ts";
import { type Contender, compete, type Times } from "../rounds.ts";
import { rounded, spread } from "../statistics.ts";
import type { Suite, SuiteOptions, SuiteReport } from "../suite.ts";
import { type CopyEngines, withCopyEngines } from "./backfill-engines.ts";
import { type Copier, type CopySetting, segments } from "./backfill-entrant.ts";
import { measureGrowth } from "./backfill-growth.ts";
import { preparedClient, preparedPages } from "./backfill-prepared.ts";
import { loopCopy, rawCopy } from "./backfill-raw.ts";
import { sluiceCopy } from "./backfill-sluice.ts";
import { assertSameContent, truncate } from "./postgres-content.ts";

type Mix = "scan" | "prepared" | "loop";

const guards = ["inline", "version-table"] as const satisfies readonly PostgresGuard[];

/** A table has so many times the records of a round. */
const tableRounds = 4;

/** A round takes seconds, and a round of the hand-written loop ten seconds or more. */
const mostRounds = 9;
const loopRounds = 2;
const warmups = 3;

const contenderOf = (pool: pg.Pool, clientOf: () => ScanClient, { name, relations, copy }: Copier): Contender<Mix> => ({
  name,
  reset: () => truncate(pool, relations),
  begin: async () => {
    await pool.query(`VACUUM (ANALYZE) ${relations.join(", ")}`);
  },
  prepare: () => {
    const client = clientOf();
    return () => copy(client);
  },
});

const copiersOf = async (setting: CopySetting): Promise<Copier[]> => [
  ...(await Promise.all(guards.map((guard) => sluiceCopy(setting, guard)))),
  await rawCopy(setting),
];

/** The times of each comparison. */
type AllTimes = Readonly<Record<Mix, Times<Mix>>>;

const ratio = (times: AllTimes, mix: Mix, peer: string, name: string): number =>
  rounded(times[mix].median(peer, mix) / times[mix].median(name, mix));

const reportOf = (times: AllTimes, items: number, conditions: string): SuiteReport => {
  const perSecond = (mix: Mix, name: string): number => Math.round((1_000 * items) / times[mix].median(name, mix));
  const cellsOf = (mix: Mix, name: string): (string | number)[] =>
    times[mix].of(name, mix).length === 0 ? ["", ""] : [perSecond(mix, name), spread(times[mix].of(name, mix))];
  return {
    figures: {
      "backfill/postgres/vs-raw": ratio(times, "scan", "raw", "inline"),
      "backfill/postgres/vs-loop": ratio(times, "loop", "loop", "inline"),
      "backfill/postgres/prepared/vs-raw": ratio(times, "prepared", "raw", "inline"),
      "backfill/postgres/version-table/vs-raw": ratio(times, "scan", "raw", "version-table"),
      "backfill/postgres/version-table/prepared/vs-raw": ratio(times, "prepared", "raw", "version-table"),
      "backfill/postgres/items-per-second": perSecond("scan", "inline"),
    },
    goals: { "backfill/postgres/vs-raw": { atLeast: 0.8 }, "backfill/postgres/vs-loop": { atLeast: 10 } },
    lines: [
      conditions,
      "",
      ...markdownTable(
        ["items/s", "scan", "rounds", "prepared pages", "rounds", "beside the loop", "rounds"],
        [...guards, "raw", "loop"].map((name) => [
          name,
          ...cellsOf("scan", name),
          ...cellsOf("prepared", name),
          ...cellsOf("loop", name),
        ]),
      ),
    ],
  };
};

const measurePostgres = async (options: SuiteOptions, engines: CopyEngines): Promise<SuiteReport> => {
  const { client, pool, items } = engines;
  const copiers = await copiersOf(engines);
  const loop = await loopCopy(client, engines);
  const views = copiers.map(({ view }) => view);
  const rounds = Math.min(options.rounds, mostRounds);
  const run = (
    copied: readonly Copier[],
    mix: Mix,
    count: { readonly rounds: number; readonly warmups: number },
    clientOf = (): ScanClient => client,
  ): Promise<Times<Mix>> =>
    compete(
      copied.map((copier) => contenderOf(pool, clientOf, copier)),
      { mixes: [mix], batches: 1, ...count },
    );
  const scan = await run(copiers, "scan", { rounds, warmups });
  await assertSameContent(pool, views, items);
  const pages = await preparedPages(client, engines.table);
  const prepared = await run(copiers, "prepared", { rounds, warmups }, () => preparedClient(pages));
  await assertSameContent(pool, views, items);
  const [first] = copiers as [Copier];
  const besideLoop = await run([first, loop], "loop", { rounds: Math.min(rounds, loopRounds), warmups: 0 });
  await assertSameContent(pool, [first.view, loop.view], items);
  const conditions = `${rounds} rounds of ${items} items in ${segments} segments; ${engines.engines}`;
  return reportOf({ scan, prepared, loop: besideLoop }, items, conditions);
};

/** The suite that compares a backfill into Postgres with a raw copy and with a hand-written loop, and measures its growth. */
export const backfillSuite: Suite = {
  name: "backfill",
  run: async (options) => {
    const records = options.batchSize * options.batches;
    const copies = await withCopyEngines(records * tableRounds, (engines) => measurePostgres(options, engines));
    const growth = await measureGrowth(records);
    return {
      figures: { ...copies.figures, ...growth.figures },
      goals: { ...copies.goals, ...growth.goals },
      lines: [...copies.lines, "", ...growth.lines],
    };
  },
};
