// Measures how fast a copy in Postgres is verified. The raw limit reads both sides, and compares nothing: a parallel scan,
// and the rows of each page by their keys. `verifyTable` also looks for copies without an item: it lists the keys of the
// copies, and reads each item's key consistently.

import {
  microsOf,
  scanSource,
  tableReader,
  type VerifyOptions,
  verifyTable,
  verifyUnit,
  verifyUnits,
} from "@sluice/backfill";
import { eachBounded } from "@sluice/core/sink-kit";
import { batched, filmColumns, keyAttribute, keyColumn } from "../films.ts";
import type { SdkItem } from "../films-table.ts";
import { table as markdownTable } from "../markdown.ts";
import { type Contender, compete, type Times } from "../rounds.ts";
import { rounded, spread } from "../statistics.ts";
import type { Suite, SuiteOptions, SuiteReport } from "../suite.ts";
import { type CopyEngines, withCopyEngines } from "./backfill-engines.ts";
import { maxRows, scanPage, segmentNumbers, segments } from "./backfill-entrant.ts";
import { copyPipeline, copySink, sluiceCopy } from "./backfill-sluice.ts";

/** `items`: only the pass over the table. */
const names = ["verify", "items", "raw"] as const;

const guard = "inline";

const optionsOf = (engines: CopyEngines): VerifyOptions => {
  const { client, table, streamArn } = engines;
  const origin = { run: "bench", streamArn, keyNames: [keyAttribute] };
  return {
    targets: copyPipeline(copySink(engines, guard)).targets(),
    source: scanSource({ client, table, origin, asOf: microsOf(Date.now()), segments }),
    table: tableReader({ client, table, keyNames: [keyAttribute] }),
    origin,
    keyTypes: { [keyAttribute]: "N" },
    graceMs: 0,
  };
};

const never = new AbortController().signal;

/** @throws if not every item was found equal, because a difference costs more reads */
const assertEqual = (equal: number, expected: number): void => {
  if (equal !== expected) throw new Error(`${equal} items are equal to their copies; expected ${expected}`);
};

const verifyAll = (options: VerifyOptions, items: number) => async (): Promise<void> => {
  const { isEqual, isComplete, ...report } = await verifyTable(options, { signal: never, parallel: segments });
  assertEqual(isEqual && isComplete ? report.items : 0, items);
};

const verifyItems = (options: VerifyOptions, items: number) => async (): Promise<void> => {
  const units = (await verifyUnits(options)).filter(({ kind }) => kind === "items");
  let equal = 0;
  await eachBounded(units, segments, async (unit) => {
    const answer = await verifyUnit(options, { unit, signal: never });
    if (answer.state.suspects.length === 0) equal += answer.items;
  });
  assertEqual(equal, items);
};

const selectRows = (view: string): string =>
  `SELECT ${Object.keys(filmColumns).join(", ")} FROM ${view} WHERE ${keyColumn} = ANY($1::bigint[])`;

const readSegment = async ({ client, table, pool }: CopyEngines, segment: number, text: string): Promise<number> => {
  let rows = 0;
  let next: ReturnType<typeof scanPage> | undefined = scanPage(client, table, segment, undefined);
  while (next !== undefined) {
    const { Items = [], LastEvaluatedKey }: Awaited<ReturnType<typeof scanPage>> = await next;
    next = LastEvaluatedKey && scanPage(client, table, segment, LastEvaluatedKey);
    for (const items of batched(Items, maxRows)) {
      const keys = items.map((item: SdkItem) => item[keyAttribute]?.N);
      rows += (await pool.query(text, [keys])).rows.length;
    }
  }
  return rows;
};

const readBoth = (engines: CopyEngines, view: string) => async (): Promise<void> => {
  const text = selectRows(view);
  const rows = await Promise.all(segmentNumbers.map((segment) => readSegment(engines, segment, text)));
  const sum = rows.reduce((one, other) => one + other, 0);
  if (sum !== engines.items) throw new Error(`${sum} rows were read; expected ${engines.items}`);
};

const reportOf = (times: Times<"equal">, rounds: number, { items, engines }: CopyEngines): SuiteReport => {
  const perSecond = (name: string): number => Math.round((1_000 * items) / times.median(name, "equal"));
  const ratio = (name: string): number => rounded(times.median("raw", "equal") / times.median(name, "equal"));
  return {
    figures: {
      "verify/postgres/vs-raw": ratio("verify"),
      "verify/postgres/items/vs-raw": ratio("items"),
      "verify/postgres/items-per-second": perSecond("verify"),
    },
    goals: { "verify/postgres/vs-raw": { atLeast: 0.6 } },
    lines: [
      `${rounds} rounds of ${items} items in ${segments} segments; ${engines}`,
      "",
      ...markdownTable(
        ["", "items/s", "rounds"],
        names.map((name) => [name, perSecond(name), spread(times.of(name, "equal"))]),
      ),
    ],
  };
};

const measure = async (options: SuiteOptions, engines: CopyEngines): Promise<SuiteReport> => {
  const { pool, client, items } = engines;
  const copier = await sluiceCopy(engines, guard);
  await copier.copy(client);
  await pool.query(`VACUUM (ANALYZE) ${copier.relations.join(", ")}`);
  const verification = optionsOf(engines);
  const contenders: Contender<"equal">[] = [
    { name: "verify", prepare: () => verifyAll(verification, items) },
    { name: "items", prepare: () => verifyItems(verification, items) },
    { name: "raw", prepare: () => readBoth(engines, copier.view) },
  ];
  const rounds = Math.min(options.rounds, mostRounds);
  const times = await compete(contenders, { mixes: ["equal"], batches: 1, rounds, warmups: 2 });
  return reportOf(times, rounds, engines);
};

/** A round takes seconds. */
const mostRounds = 7;

/** A table has so many times the records of a round. */
const tableRounds = 4;

/** The suite that compares a verification with raw reads of both sides. */
export const verifySuite: Suite = {
  name: "verify",
  run: (options) =>
    withCopyEngines(options.batchSize * options.batches * tableRounds, (engines) => measure(options, engines)),
};
