// Measures the write of items with a nested list: orders with three lines each, into two tables. Compares the pipeline's
// handler, once with each guard, to the raw limit: two unguarded statements with prepared arrays, orders and then lines.

import { pipeline } from "@sluice/core";
import { startPostgres } from "@sluice/local";
import { type PostgresGuard, postgresSink } from "@sluice/sink-postgres";
import { type PlainItem, streamEvent, streamRecord } from "@sluice/testing";
import pg from "pg";
import { batched, texts } from "../films.ts";
import { compete, type Times, type Work } from "../rounds.ts";
import { rounded } from "../statistics.ts";
import type { Figures, Goal, Suite, SuiteOptions, SuiteReport } from "../suite.ts";
import { serverOf, serverSettings } from "./postgres-content.ts";
import { contenderOf, type Mix, mixes, timeTable } from "./postgres-entrant.ts";

const guards = ["version-table", "inline"] as const satisfies readonly PostgresGuard[];
const linesOfOrder = 3;

const orderColumns = { id: "text", customer: "text", status: "text", total: "numeric", created_at: "bigint" } as const;
const lineColumns = { sku: "text", quantity: "integer", price: "numeric", note: "text" } as const;

const figureOf = (guard: PostgresGuard, mix: Mix): string =>
  guard === "version-table" ? `postgres/children/${mix}/vs-raw` : `postgres/children/inline/${mix}/vs-raw`;

const goals: Readonly<Record<string, Goal>> = { [figureOf("version-table", "insert")]: { atLeast: 0.8 } };

const orderOf = (order: number, revision: number): PlainItem => ({
  id: `ORDER#${String(order).padStart(8, "0")}`,
  customer: `CUSTOMER#${order % 997}`,
  status: revision === 0 ? "open" : "shipped",
  total: ((order * 97) % 100_000) / 100,
  created_at: 1_767_323_045_000 + order * 1000,
  lines: Array.from({ length: linesOfOrder }, (_, line) => ({
    sku: `SKU-${(order * 31 + line * 7) % 5000}`,
    quantity: 1 + ((order + line) % 4) + (line === 1 ? revision : 0),
    price: ((order * 97 + line * 131) % 100_000) / 100,
    note: line % 2 === 0 ? "gift, to be wrapped" : null,
  })),
});

type Orders = Readonly<Record<Mix, readonly (readonly PlainItem[])[]>>;

interface Material {
  readonly orders: Orders;
  readonly events: Readonly<Record<Mix, readonly string[]>>;
}

const materialOf = ({ batchSize, batches }: SuiteOptions): Material => {
  const count = batchSize * batches;
  const [before, after] = [0, 1].map((revision) =>
    Array.from({ length: count }, (_, order) => orderOf(order, revision)),
  );
  const records = (items: readonly PlainItem[], olds: readonly PlainItem[], offset: number) =>
    items.map((item, index) =>
      streamRecord({
        before: olds[index],
        after: item,
        position: offset + index + 1,
        keyNames: ["id"],
        tableName: "Orders",
      }),
    );
  const eventsOf = (items: readonly PlainItem[], olds: readonly PlainItem[], offset: number): string[] =>
    texts(batched(records(items, olds, offset), batchSize).map(streamEvent));
  const [first = [], then = []] = [before, after];
  const updates = eventsOf(then, first, count);
  const later = batched(then, batchSize);
  return {
    orders: { insert: batched(first, batchSize), update: later, redelivered: later },
    events: { insert: eventsOf(first, [], 0), update: updates, redelivered: updates },
  };
};

interface Entrant {
  readonly name: string;
  readonly views: { readonly orders: string; readonly lines: string };
  readonly relations: readonly string[];
  readonly prepare: (mix: Mix, batch: number) => Work;
}

const definitions = (columns: Readonly<Record<string, string>>): string =>
  Object.entries(columns)
    .map(([name, type]) => `${name} ${type}`)
    .join(", ");

const createTables = async (pool: pg.Pool, orders: string, lines: string): Promise<void> => {
  await pool.query(`CREATE TABLE ${orders} (${definitions(orderColumns)}, PRIMARY KEY (id))`);
  await pool.query(
    `CREATE TABLE ${lines} (order_id text NOT NULL REFERENCES ${orders}, line integer NOT NULL, ${definitions(lineColumns)}, PRIMARY KEY (order_id, line))`,
  );
};

const silent = { info: () => undefined, warn: () => undefined };

const sluiceFamilies = async (pool: pg.Pool, guard: PostgresGuard, { events }: Material): Promise<Entrant> => {
  const suffix = guard.replace("-", "_");
  const [orders, lines] = [`orders_${suffix}`, `lines_${suffix}`];
  const rows = guard === "inline" ? `${orders}_with_tombstones` : orders;
  await createTables(pool, rows, lines);
  const children = [{ table: lines, of: "lines", key: { order_id: "id" }, position: "line", columns: lineColumns }];
  const sink = postgresSink({ pool, table: orders, guard, key: ["id"], columns: orderColumns, children });
  await sink.ensure();
  const handler = pipeline("orders", { onReject: "block", logger: silent }).to(sink).handler();
  return {
    name: guard,
    views: { orders, lines },
    relations: guard === "inline" ? [rows, lines] : [rows, lines, `${orders}_sluice`],
    prepare: (mix, batch) => {
      const event: unknown = JSON.parse(events[mix][batch] ?? "");
      return async () => {
        const { batchItemFailures } = await handler(event);
        if (batchItemFailures.length > 0) throw new Error(`${guard}: ${batchItemFailures.length} records failed`);
      };
    },
  };
};

const rawUpsert = (table: string, keys: readonly string[], columns: Readonly<Record<string, string>>): string => {
  const parameters = Object.values(columns).map((type, index) => `$${index + 1}::${type}[]`);
  const replaced = Object.keys(columns)
    .filter((column) => !keys.includes(column))
    .map((column) => `${column} = EXCLUDED.${column}`);
  return `INSERT INTO ${table} (${Object.keys(columns).join(", ")}) SELECT * FROM unnest(${parameters.join(", ")})
    ON CONFLICT (${keys.join(", ")}) DO UPDATE SET ${replaced.join(", ")}`;
};

const columnsOf = (columns: Readonly<Record<string, string>>, rows: readonly PlainItem[]): unknown[][] =>
  Object.keys(columns).map((column) => rows.map((row) => row[column] ?? null));

const rawFamilies = async (pool: pg.Pool, { orders }: Material): Promise<Entrant> => {
  await createTables(pool, "orders_raw", "lines_raw");
  const allLineColumns = { order_id: "text", line: "integer", ...lineColumns };
  const putOrders = rawUpsert("orders_raw", ["id"], orderColumns);
  const putLines = rawUpsert("lines_raw", ["order_id", "line"], allLineColumns);
  return {
    name: "raw",
    views: { orders: "orders_raw", lines: "lines_raw" },
    relations: ["orders_raw", "lines_raw"],
    prepare: (mix, batch) => {
      const items = orders[mix][batch] ?? [];
      const lines = items.flatMap(({ id, lines }) =>
        (lines as PlainItem[]).map((line, index) => ({ order_id: id, line: index, ...line })),
      );
      const [orderArrays, lineArrays] = [columnsOf(orderColumns, items), columnsOf(allLineColumns, lines)];
      return async () => {
        await pool.query(putOrders, orderArrays);
        await pool.query(putLines, lineArrays);
      };
    },
  };
};

/** @throws if the contenders left different rows, because a comparison needs equal work */
const assertSameFamilies = async (pool: pg.Pool, entrants: readonly Entrant[], expected: number): Promise<void> => {
  const contents = await Promise.all(
    entrants.map(async ({ views }) => {
      const all = Object.keys(orderColumns).join(", ");
      const { rows } = await pool.query<{ content: string }>(
        `SELECT count(*) || ' ' || (SELECT count(*) FROM ${views.lines}) || ' ' || md5(string_agg(t::text, ';' ORDER BY id))
          || (SELECT md5(string_agg(l::text, ';' ORDER BY order_id, line)) FROM ${views.lines} AS l) AS content
        FROM (SELECT ${all} FROM ${views.orders}) AS t`,
      );
      return rows[0]?.content ?? "";
    }),
  );
  if (new Set(contents).size === 1 && contents[0]?.startsWith(`${expected} ${expected * linesOfOrder} `)) return;
  throw new Error(`the contenders left different rows: ${contents.join(", ")}`);
};

const figuresOf = (times: Times<Mix>): Figures =>
  Object.fromEntries(
    guards.flatMap((guard) =>
      mixes.map((mix) => [figureOf(guard, mix), rounded(times.median("raw", mix) / times.median(guard, mix))]),
    ),
  );

const measure = async (pool: pg.Pool, options: SuiteOptions): Promise<SuiteReport> => {
  const material = materialOf(options);
  const entrants = [
    ...(await Promise.all(guards.map((guard) => sluiceFamilies(pool, guard, material)))),
    await rawFamilies(pool, material),
  ];
  const contenders = entrants.map((entrant) => contenderOf(pool, entrant));
  const times = await compete(contenders, { ...options, mixes, warmups: 3 });
  const records = options.batchSize * options.batches;
  await assertSameFamilies(pool, entrants, records);
  const run = `${options.rounds} rounds of ${options.batches} batches of ${options.batchSize} orders with ${linesOfOrder} lines each; ${await serverOf(pool)}`;
  const names = contenders.map(({ name }) => name);
  return {
    figures: figuresOf(times),
    goals,
    lines: [run, "", ...timeTable(times, names, { records, unit: "orders" })],
  };
};

/** The suite that compares the writes of items with nested lists to Postgres with the raw limit. */
export const postgresChildrenSuite: Suite = {
  name: "children",
  run: async (options) => {
    const engine = await startPostgres({ settings: serverSettings });
    const pool = new pg.Pool({ connectionString: await engine.createDatabase(), max: 10 });
    // When the server ends, idle connections emit an error event. Without a listener the event would end this process.
    pool.on("error", () => undefined);
    try {
      return await measure(pool, options);
    } finally {
      await pool.end();
      await engine.stop();
    }
  },
};
