// Unique values move between items, in batches that are written in halves. No change may be rejected, and at the end each
// row has the value of its item.

import { afterAll, describe, expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import type { Envelope } from "@sluice/core/envelope";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, postgresSink } from "@sluice/sink-postgres";
import { lambdaContext, type PlainItem, streamEvent, streamRecord } from "@sluice/testing";
import pg from "pg";
import { randomOf } from "./convergence/random.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
const seed = Number(process.env.MOVES_SEED ?? Date.now() % 1_000_000);
const histories = Number(process.env.MOVES_HISTORIES ?? 100);
const [items, changes] = [9, 70];

type Random = ReturnType<typeof randomOf>;
type TableRecord = ReturnType<typeof streamRecord>;

/** A table whose items have a handle that no other item has, and the stream of its changes. */
const playHistory = ({ integer, chance }: Random, prefix: string) => {
  const table = new Map<string, string>();
  const records: TableRecord[] = [];
  const moved = new Set<string>();
  let fresh = 0;
  const put = (id: string, handle: string | undefined): void => {
    const before = table.get(id);
    const position = records.length + 1;
    const old: { before?: PlainItem } = before === undefined ? {} : { before: { id, handle: before } };
    const after: { after?: PlainItem } = handle === undefined ? {} : { after: { id, handle } };
    records.push(streamRecord({ ...old, ...after, keyNames: ["id"], position }));
    if (handle === undefined) table.delete(id);
    else table.set(id, handle);
  };
  const newHandle = (): string => {
    fresh += 1;
    return `${prefix} ${fresh}`;
  };
  while (records.length < changes) {
    const [giver, taker] = [`${prefix}-${integer(items)}`, `${prefix}-${integer(items)}`];
    const handle = table.get(giver);
    // A handle moves once, and the taker's own handle is never used again. Otherwise two items could swap their handles
    // within a batch, which no order of rows can write.
    if (handle === undefined || giver === taker || moved.has(handle)) put(giver, newHandle());
    else {
      moved.add(handle);
      put(giver, chance(0.3) ? undefined : newHandle());
      put(taker, handle);
    }
  }
  return { table, records };
};

/** Cuts the stream into batches, some of which come twice. */
const batchesOf = ({ integer, chance }: Random, records: readonly TableRecord[]): TableRecord[][] => {
  const batches: TableRecord[][] = [];
  for (let at = 0; at < records.length; ) {
    const size = 1 + integer(30);
    batches.push(records.slice(at, at + size));
    at += chance(0.2) ? Math.ceil(size / 2) : size;
  }
  return batches;
};

describeWithPostgres("unique values that move between items", (engine) => {
  const guards: readonly PostgresGuard[] = ["version-table", "inline"];

  const open = async (guard: PostgresGuard) => {
    const pool = new pg.Pool({ connectionString: await engine.createDatabase(), max: 4 });
    pool.on("error", () => undefined);
    const columns = { id: "text", handle: "text" };
    const sink = postgresSink({ pool, table: "people", guard, key: ["id"], columns, splitFrom: 2 });
    await sink.ensure();
    await pool.query(`ALTER TABLE ${guard === "inline" ? "people_with_tombstones" : "people"} ADD UNIQUE (handle)`);
    const dead: unknown[] = [];
    const deadLetterQueue = {
      write: async (letters: readonly Envelope[]) => {
        dead.push(...letters);
        return { stored: new Set(letters), errors: [] };
      },
    };
    const logger = { info: () => undefined, warn: () => undefined };
    const handler = pipeline("people", { deadLetterQueue, logger, retry: { maxAttempts: 1 } })
      .to(sink)
      .handler();
    return { pool, dead, handler };
  };

  test.each(guards)(
    `with guard %s, ${histories} histories are written (MOVES_SEED=${seed})`,
    async (guard) => {
      const { pool, dead, handler } = await open(guard);
      const random = randomOf(seed);
      for (let history = 0; history < histories; history += 1) {
        const { table, records } = playHistory(random, `h${history}`);
        for (const batch of batchesOf(random, records)) {
          const { batchItemFailures } = await handler(streamEvent(batch), lambdaContext());
          expect({ history, failures: batchItemFailures, dead }).toEqual({ history, failures: [], dead: [] });
        }
        const select = "SELECT id, handle FROM people WHERE id LIKE $1 ORDER BY id";
        const { rows } = await pool.query<PlainItem>(select, [`h${history}-%`]);
        expect(rows.map(({ id, handle }) => [id, handle])).toEqual([...table].sort());
      }
      await pool.end();
    },
    120_000,
  );
});
