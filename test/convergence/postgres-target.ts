// The Postgres sink as a target of the convergence suite. A target has one table and two variants of the sink: one
// variant uses the mapper of the route, the other uses declared columns.

import { type AttributeValue, attributeToJson, type Image, type Sink } from "@sluice/core/sink-kit";
import { type PostgresGuard, type PostgresPool, type PostgresRow, postgresSink } from "@sluice/sink-postgres";
import type { SpecimenItem } from "@sluice/testing";
import pg from "pg";
import { exactJson } from "./exact-json.ts";
import type { Copy, Target, Variant } from "./target.ts";

/** A change to the target that causes a defect. */
export interface Mutation {
  /** Returns the pool that the sinks use in place of the real pool. */
  readonly pool?: (real: PostgresPool) => PostgresPool;
  readonly sink?: <Message>(sink: Sink<Message, "upsert">) => Sink<Message, "upsert">;
}

/** The key columns of the table. */
export const key = ["pk", "sk"];
/** The columns of the table. */
export const columns = {
  pk: "text",
  sk: "text",
  revision: "bigint",
  note: "text",
  amount: "numeric",
  payload: "jsonb",
};

/** Returns the expected text of a cell, or null if it is NULL. */
export const textOf = (value: AttributeValue | undefined): string | null => {
  if (value === undefined) return null;
  return "S" in value ? value.S : "N" in value ? value.N : exactJson(attributeToJson(value));
};

/** Returns the expected row of an item. */
export const copyOf = (image: Image): Copy =>
  Object.fromEntries(Object.keys(columns).map((column) => [column, textOf(image[column])]));

/** Returns a row, whose cells are text, as a copy. */
export const copyOfRow = ({ payload, ...row }: Record<string, string | null>): Copy => ({
  ...row,
  payload: payload == null ? null : exactJson(payload),
});

const toRow = ({ after }: { readonly after: SpecimenItem }): PostgresRow => {
  const { pk: _pk, sk: _sk, ...row } = after;
  return row;
};

/** Opens a target with an empty table in its own schema. */
export const openPostgres = async (
  url: string,
  guard: PostgresGuard,
  mutation: Mutation = {},
): Promise<Target<never>> => {
  const { pool: mutatePool = (pool) => pool, sink: mutateSink = (sink) => sink } = mutation;
  // There are fewer connections than concurrent histories, so writes must wait for a connection, as in Lambda.
  const real = new pg.Pool({ connectionString: url, max: 8 });
  // When the server stops, idle connections emit an error event. Without a listener the event would end the process.
  real.on("error", () => undefined);
  const options = { pool: mutatePool(real), table: "specimens", guard, key };
  const mapped = postgresSink({ ...options, columns });
  await postgresSink({ ...options, pool: real, columns }).ensure();
  const rows = postgresSink({ ...options, columns: Object.keys(columns) });
  const variants: Target<never>["variants"] = [
    { sink: mutateSink(mapped) as Variant<never>["sink"] },
    { sink: mutateSink(rows) as Variant<never>["sink"], map: toRow as unknown as NonNullable<Variant<never>["map"]> },
  ];
  const list = Object.keys(columns).map((column) => `${column}::text`);
  return {
    variants,
    readAll: async () => {
      const found = await real.query<Record<string, string | null>>(`SELECT ${list.join(", ")} FROM specimens`);
      return new Map(found.rows.map((row) => [row.pk ?? "", copyOfRow(row)]));
    },
    copyOf,
    purge: () => mapped.purge(),
    close: () => real.end(),
  };
};
