// Sluice: the handler of a pipeline with one route, from parsed event to response.

import { pipeline } from "@sluice/core";
import { type PostgresGuard, postgresSink } from "@sluice/sink-postgres";
import type pg from "pg";
import { filmColumns, keyAttribute, keyColumn } from "../films.ts";
import type { Entrant, Material } from "./postgres-entrant.ts";

const silent = { info: () => undefined, warn: () => undefined };

export const relationsOf = (guard: PostgresGuard, table: string): string[] =>
  guard === "version-table" ? [table, `${table}_sluice`] : [`${table}_with_tombstones`];

export const sluiceUpsert = async (pool: pg.Pool, guard: PostgresGuard, material: Material): Promise<Entrant> => {
  const table = `films_${guard.replace("-", "_")}`;
  const sink = postgresSink({ pool, table, guard, key: { [keyColumn]: keyAttribute }, columns: filmColumns });
  await sink.ensure();
  const handler = pipeline("films", { onReject: "block", logger: silent }).to(sink).handler();
  return {
    name: guard,
    view: table,
    relations: relationsOf(guard, table),
    prepare: (mix, batch) => {
      const event: unknown = JSON.parse(material.events[mix][batch] ?? "");
      return async () => {
        const { batchItemFailures } = await handler(event);
        if (batchItemFailures.length > 0) throw new Error(`${guard}: ${batchItemFailures.length} records failed`);
      };
    },
  };
};
