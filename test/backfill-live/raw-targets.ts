// What the replicas store of an item, as raw statements read and write it: copies and guards. Shares no code with the sinks.

import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { type Image, wireImage } from "@sluice/core/envelope";
import { sdkItem } from "@sluice/core/sink-kit";
import pg from "pg";
import type { Places, TargetName } from "./targets.ts";

/** What a replica stores of an item, as JSON. */
export type Raw = string;

/** The raw content of a replica. */
export interface RawTarget {
  /** Returns what the replica stores of an item; undefined if it stores nothing. */
  readonly get: (pk: string) => Promise<Raw | undefined>;
  /** Stores exactly this. */
  readonly set: (pk: string, raw: Raw | undefined) => Promise<void>;
  /** Returns the same with another value in the copy. The guard stays as it is. */
  readonly withOtherValue: (raw: Raw) => Raw;
  /** Returns the same without the guard. */
  readonly withoutGuard?: (raw: Raw) => Raw;
  /** Returns the guard alone, if the replica keeps it apart from the copy. */
  readonly withoutCopy?: (raw: Raw) => Raw;
}

export type RawTargets = Readonly<Record<TargetName, RawTarget>> & { readonly close: () => Promise<void> };

type Members = Record<string, unknown>;

const other = "a value that no item has";

const parsed = <Parsed = Members>(raw: Raw): Parsed => JSON.parse(raw) as Parsed;

const version = /"(\d{17})-(\d{40})(\.\d{16})?"/g;

/** Changes the number in each version. */
export const withNumber = (raw: Raw, change: (number: bigint) => bigint): Raw =>
  raw.replace(version, (_, epoch: string, number: string) => {
    return `"${epoch}-${String(change(BigInt(number))).padStart(40, "0")}"`;
  });

/** Whether a transaction failed because the sink wrote the same rows meanwhile: it inserted one, or both waited. */
const isContested = (transaction: Promise<void>): Promise<boolean> =>
  transaction.then(
    () => false,
    (error: { readonly code?: string }) => {
      if (error.code === "23505" || error.code === "40P01") return true;
      throw error;
    },
  );

/** Rows of an item in these tables, by the name of the table. */
const rowsIn = (pool: pg.Pool, tables: readonly string[]): Pick<RawTarget, "get" | "set"> => ({
  get: async (pk) => {
    const rows: Members = {};
    for (const table of tables) {
      const found = await pool.query(`SELECT to_jsonb(t)::text AS row FROM ${table} t WHERE pk = $1`, [pk]);
      if (found.rows[0] !== undefined) rows[table] = found.rows[0].row;
    }
    return Object.keys(rows).length === 0 ? undefined : JSON.stringify(rows);
  },
  set: async (pk, raw) => {
    const rows = raw === undefined ? {} : parsed<Record<string, string>>(raw);
    const client = await pool.connect();
    const replace = async (): Promise<void> => {
      await client.query("BEGIN");
      for (const table of tables) {
        await client.query(`DELETE FROM ${table} WHERE pk = $1`, [pk]);
        if (rows[table] === undefined) continue;
        await client.query(`INSERT INTO ${table} SELECT * FROM jsonb_populate_record(NULL::${table}, $1)`, [
          rows[table],
        ]);
      }
      await client.query("COMMIT");
    };
    try {
      while (await isContested(replace())) await client.query("ROLLBACK");
    } finally {
      client.release();
    }
  },
});

const withNote = (raw: Raw, table: string): Raw => {
  const rows = parsed<Record<string, string>>(raw);
  const row = JSON.stringify({ ...parsed(rows[table] ?? "{}"), note: other });
  return JSON.stringify({ ...rows, [table]: row });
};

const without = (raw: Raw, member: string): Raw => {
  const { [member]: _, ...rest } = parsed(raw);
  return JSON.stringify(rest);
};

const documentsIn = ({ opensearch, index }: Places): RawTarget => {
  const request = async (method: string, pk: string, body?: string): Promise<string | undefined> => {
    const path = `${index}-000001/_doc/${encodeURIComponent(`${pk}|1`)}`;
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${opensearch}/${path}`, { method, headers, ...(body !== undefined && { body }) });
    const text = await answer.text();
    if (answer.ok) return text;
    if (answer.status === 404) return undefined;
    throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
  };
  return {
    get: async (pk) => {
      const text = await request("GET", pk);
      // The text is kept as it is, because numbers may have more digits than a number of JavaScript.
      return text === undefined ? undefined : text.slice(text.indexOf('"_source":') + '"_source":'.length, -1);
    },
    set: async (pk, raw) => {
      await (raw === undefined ? request("DELETE", pk) : request("PUT", pk, raw));
    },
    withOtherValue: (raw) => JSON.stringify({ ...parsed(raw), note: other }),
    withoutGuard: (raw) => without(raw, "_sluice"),
  };
};

const itemsIn = (client: DynamoDB, TableName: string): RawTarget => {
  const keyOf = (pk: string) => ({ pk: { S: pk }, sk: { S: "1" } });
  return {
    get: async (pk) => {
      const { Item } = await client.getItem({ TableName, Key: keyOf(pk), ConsistentRead: true });
      return Item === undefined ? undefined : JSON.stringify(wireImage(Item as Image));
    },
    set: async (pk, raw) => {
      if (raw === undefined) await client.deleteItem({ TableName, Key: keyOf(pk) });
      else await client.putItem({ TableName, Item: sdkItem(parsed<Image>(raw)) });
    },
    withOtherValue: (raw) => JSON.stringify({ ...parsed(raw), note: { S: other } }),
    withoutGuard: (raw) => without(raw, "_sluice"),
  };
};

/** Opens the raw content of all replicas. */
export const openRawTargets = (places: Places): RawTargets => {
  const pools = [places.rows, places.inline].map((connectionString) => new pg.Pool({ connectionString, max: 2 }));
  for (const pool of pools) pool.on("error", () => undefined);
  const [rows, inline] = pools as [pg.Pool, pg.Pool];
  const client = new DynamoDB(places.dynamodb);
  return {
    rows: {
      ...rowsIn(rows, ["specimens", "specimens_sluice"]),
      withOtherValue: (raw) => withNote(raw, "specimens"),
      withoutGuard: (raw) => without(raw, "specimens_sluice"),
      withoutCopy: (raw) => without(raw, "specimens"),
    },
    inline: {
      ...rowsIn(inline, ["specimens_with_tombstones"]),
      withOtherValue: (raw) => withNote(raw, "specimens_with_tombstones"),
    },
    documents: documentsIn(places),
    items: itemsIn(client, places.replica),
    close: async () => {
      await Promise.all(pools.map((pool) => pool.end()));
      client.destroy();
    },
  };
};
