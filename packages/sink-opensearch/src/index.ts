export type { EnsureOptions, PurgeOptions, TlsOptions as OpensearchTls } from "@sluice/core/sink-kit";
export type { OpensearchClient } from "./client/client.ts";
export type { AwsAuth, AwsCredentials, BasicAuth, OpensearchConnection } from "./client/connection.ts";
export type { OpensearchSinkOptions } from "./options.ts";
export type { OpensearchField, OpensearchMappings } from "./schema/mappings.ts";
export { type OpensearchDocument, type OpensearchSink, opensearchSink } from "./sink.ts";
export type { OpensearchRouting } from "./write/routing.ts";
