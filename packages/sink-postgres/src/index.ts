export type { EnsureOptions, PurgeOptions, TlsOptions as PostgresTls } from "@sluice/core/sink-kit";
export type { PostgresConnection } from "./client/connection.ts";
export type { PostgresClient, PostgresPool, PostgresQuery, PostgresResult } from "./client/pool.ts";
export type { PostgresKeyMap, PostgresSinkOptions } from "./options.ts";
export type { PostgresChild } from "./schema/children.ts";
export type { ColumnMap, ColumnSource } from "./schema/columns.ts";
export type { PostgresGuard } from "./schema/relations.ts";
export {
  type MappedPostgresSink,
  type PostgresFactory,
  type PostgresRow,
  type PostgresSink,
  type PostgresValue,
  postgresSink,
} from "./sink.ts";
export { type EpochUnit, epochMilliseconds, epochSeconds } from "./write/epoch.ts";
