// Names the database of a pool or of a connection, so that two sinks of one database can be recognised.

import { objectNumber } from "@sluice/core/sink-kit";
import type { PoolSettings, SettingsSource } from "./connection.ts";
import type { PostgresPool } from "./pool.ts";

/** Returns host, port and database, as pg reads them. No user and no password is in the text. */
const addressOf = ({ connectionString, host, port, database, user }: PoolSettings): string => {
  const url = connectionString === undefined ? undefined : new URL(connectionString);
  const parameters: Readonly<Record<string, string>> = Object.fromEntries(url?.searchParams ?? []);
  const hostName = parameters.host ?? (url === undefined ? host : decodeURIComponent(url.hostname));
  const portNumber = parameters.port ?? (url?.port || port || 5432);
  const name = url === undefined ? (database ?? user ?? "") : decodeURIComponent(url.pathname.slice(1)) || url.username;
  return `postgres://${hostName}:${portNumber}/${name}`;
};

/** Returns a text that is equal for two sinks with the same pool, or with connections to the same database. */
export const databaseOf = (source: { readonly pool: PostgresPool } | SettingsSource): string => {
  if ("settings" in source) return addressOf(source.settings);
  return "pool" in source ? `pool ${objectNumber(source.pool)}` : `connection ${objectNumber(source.origin)}`;
};
