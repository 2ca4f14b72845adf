export type { ColumnMap, ColumnSource } from "./columns.ts";
export type { EnsureOptions } from "./ensure.ts";
export type { KeyMap, PostgresConnection, PostgresSinkOptions, PostgresTls } from "./options.ts";
export type { PostgresClient, PostgresPool, PostgresQuery, PostgresResult } from "./pool.ts";
export type { PurgeOptions } from "./purge.ts";
export type { Guard } from "./relation.ts";
export {
  type MappedPostgresSink,
  type PostgresFactory,
  type PostgresRow,
  type PostgresSink,
  type PostgresValue,
  postgresSink,
} from "./sink.ts";
