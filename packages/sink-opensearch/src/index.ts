export type { OpensearchClient } from "./client.ts";
export type { EnsureOptions } from "./ensure.ts";
export type {
  AwsAuth,
  AwsCredentials,
  BasicAuth,
  OpensearchField,
  OpensearchMappings,
  OpensearchSinkOptions,
  OpensearchTls,
} from "./options.ts";
export type { PurgeOptions } from "./purge.ts";
export { type OpensearchDocument, type OpensearchSink, opensearchSink } from "./sink.ts";
