// The Postgres sink as a target of the convergence suite: two ways into one table, a mapper and declared columns.

import { type AttributeValue, attributeToJson, type Image, type Sink } from "@sluice/core/sink-kit";
import { type PostgresGuard, type PostgresPool, type PostgresRow, postgresSink } from "@sluice/sink-postgres";
import type { SpecimenItem } from "@sluice/testing";
import pg from "pg";
import { exactJson } from "./exact-json.ts";
import type { Copy, Target, Way } from "./target.ts";

/** What a test breaks about the target, if anything. */
export interface Mutation {
  /** The pool that the sinks write through, in place of the real one. */
  readonly pool?: (real: PostgresPool) => PostgresPool;
  readonly sink?: <Message>(sink: Sink<Message, "upsert">) => Sink<Message, "upsert">;
}

const key = ["pk", "sk"];
const columns = { pk: "text", sk: "text", revision: "bigint", note: "text", amount: "numeric", payload: "jsonb" };

const textOf = (value: AttributeValue | undefined): string | null => {
  if (value === undefined) return null;
  return "S" in value ? value.S : "N" in value ? value.N : exactJson(attributeToJson(value));
};

const copyOf = (image: Image): Copy =>
  Object.fromEntries(Object.keys(columns).map((column) => [column, textOf(image[column])]));

const copyOfRow = ({ payload, ...row }: Record<string, string | null>): Copy => ({
  ...row,
  payload: payload == null ? null : exactJson(payload),
});

const toRow = ({ after }: { readonly after: SpecimenItem }): PostgresRow => {
  const { pk: _pk, sk: _sk, ...row } = after;
  return row;
};

/** Opens an empty table in its own schema. */
export const openPostgres = async (
  url: string,
  guard: PostgresGuard,
  mutation: Mutation = {},
): Promise<Target<never>> => {
  const { pool: mutatePool = (pool) => pool, sink: mutateSink = (sink) => sink } = mutation;
  // Fewer connections than histories at once, so that writes queue for one as they do in Lambda.
  const real = new pg.Pool({ connectionString: url, max: 8 });
  // Connections that say goodbye while the server ends report that as an error, which nobody is there to take.
  real.on("error", () => undefined);
  const options = { pool: mutatePool(real), table: "specimens", guard, key };
  const mapped = postgresSink({ ...options, columns });
  await postgresSink({ ...options, pool: real, columns }).ensure();
  const rows = postgresSink({ ...options, columns: Object.keys(columns) });
  const ways: Target<never>["ways"] = [
    { sink: mutateSink(mapped) as Way<never>["sink"] },
    { sink: mutateSink(rows) as Way<never>["sink"], map: toRow as unknown as NonNullable<Way<never>["map"]> },
  ];
  const list = Object.keys(columns).map((column) => `${column}::text`);
  return {
    ways,
    readAll: async () => {
      const found = await real.query<Record<string, string | null>>(`SELECT ${list.join(", ")} FROM specimens`);
      return new Map(found.rows.map((row) => [row.pk ?? "", copyOfRow(row)]));
    },
    copyOf,
    close: () => real.end(),
  };
};
