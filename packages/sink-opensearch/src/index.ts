export type { OpensearchClient } from "./client/client.ts";
export type {
  AwsAuth,
  AwsCredentials,
  BasicAuth,
  OpensearchField,
  OpensearchMappings,
  OpensearchSinkOptions,
  OpensearchTls,
} from "./options.ts";
export type { EnsureOptions } from "./schema/ensure.ts";
export type { PurgeOptions } from "./schema/purge.ts";
export { type OpensearchDocument, type OpensearchSink, opensearchSink } from "./sink.ts";
