export type { PostgresClient, PostgresPool, PostgresQuery, PostgresResult } from "./client/pool.ts";
export type { KeyMap, PostgresConnection, PostgresSinkOptions, PostgresTls } from "./options.ts";
export type { ColumnMap, ColumnSource } from "./schema/columns.ts";
export type { EnsureOptions } from "./schema/ensure.ts";
export type { PurgeOptions } from "./schema/purge.ts";
export type { Guard } from "./schema/relations.ts";
export {
  type MappedPostgresSink,
  type PostgresFactory,
  type PostgresRow,
  type PostgresSink,
  type PostgresValue,
  postgresSink,
} from "./sink.ts";
