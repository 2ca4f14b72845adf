// The options, their defaults and their checks. No code here connects to OpenSearch.

import {
  checkClient,
  checkEither,
  checkOptionNames,
  checkText,
  checkWhole,
  invalidOption,
  isRecord,
  type OptionNames,
} from "@sluice/core/sink-kit";
import type { OpensearchClient } from "./client/client.ts";
import { type ClientSettings, clientSettings, type OpensearchConnection } from "./client/connection.ts";
import type { OpensearchMappings } from "./schema/mappings.ts";
import { guardField } from "./write/guard.ts";
import { type FieldNames, fieldNames } from "./write/reason.ts";
import type { OpensearchRouting } from "./write/routing.ts";

/** Options of `opensearchSink`. */
export interface OpensearchSinkOptions extends OpensearchConnection {
  /** Your own client (`@opensearch-project/opensearch`), which the sink never closes. Set either `client` or `node`. */
  readonly client?: OpensearchClient;
  /** Name of the alias. The sink writes to it, and you search it. The index behind the alias is `<index>-000001`. */
  readonly index: string;
  /** Mappings that `ensure` creates. OpenSearch guesses the mapping of any other field from the field's first value. */
  readonly mappings?: OpensearchMappings;
  /** Index settings for `ensure`: `{ number_of_shards: 3 }`. On Serverless, shards, replicas and refresh are fixed. */
  readonly settings?: { readonly [name: string]: unknown };
  /**
   * The documents' routing: the attribute whose value is the routing, or a function of an item. Needed for a `join`
   * field, whose documents must be on the shard of their parent. Default: OpenSearch routes by `_id`.
   */
  readonly routing?: OpensearchRouting;
  /** Whether the target is a Serverless collection. Default: true if `auth.service` is `aoss`. */
  readonly serverless?: boolean;
  /** Maximum number of documents in one request. Default 1,000. */
  readonly maxEntries?: number;
  /** Maximum bytes of one request. Default 5 MiB. The smallest domains accept 10 MiB. */
  readonly maxBytes?: number;
  /** Maximum number of requests in flight. Default 2. */
  readonly concurrency?: number;
  /** Timeout of a request in milliseconds, shortened to the invocation's remaining time. Default 30,000. */
  readonly timeoutMs?: number;
  /** Name of the sink in logs, metrics and dead letters. Default `opensearch`. */
  readonly name?: string;
}

/** The options after their checks, with defaults. */
export interface OpensearchSettings
  extends Required<
    Pick<OpensearchSinkOptions, "name" | "index" | "mappings" | "serverless" | "concurrency" | "timeoutMs">
  > {
  readonly routing: OpensearchRouting | undefined;
  /** The names of fields that an error may show. */
  readonly names: FieldNames;
  readonly source: { readonly client: OpensearchClient } | { readonly settings: ClientSettings };
  readonly indexSettings: { readonly [name: string]: unknown };
  readonly limits: { readonly maxEntries: number; readonly maxBytes: number };
}

/** Maximum bytes of option `index`: OpenSearch's limit of 255, less 7 bytes for the suffix `-000001`. */
const maxIndexBytes = 255 - 7;

/** @see https://docs.opensearch.org/latest/api-reference/index-apis/create-index/#index-naming-restrictions */
const checkIndex = (index: unknown): void => {
  checkText("index", index);
  const name = String(index);
  if (!/^[a-z0-9][^\\/*?"<>| ,#:\p{Lu}]*$/u.test(name)) {
    const expectation =
      'must be lowercase, begin with a letter or digit, and not contain \\ / * ? " < > | , # : or space';
    throw invalidOption("index", expectation);
  }
  const bytes = Buffer.byteLength(name);
  if (bytes > maxIndexBytes) throw invalidOption("index", `is ${bytes} bytes; the limit is ${maxIndexBytes}`);
  if (/-\d{6}$/.test(name)) {
    throw invalidOption("index", "must be the alias, without the number of the index behind the alias");
  }
};

const countOf = (option: "maxEntries" | "maxBytes" | "concurrency" | "timeoutMs", value: number): number => {
  checkWhole(option, value, [1, Number.POSITIVE_INFINITY]);
  return value;
};

const sourceOf = (options: OpensearchSinkOptions): OpensearchSettings["source"] => {
  const { client, node } = options;
  checkEither({ client, node });
  if (client === undefined) return { settings: clientSettings(options) };
  checkClient(client?.transport ?? null, "request", "a Client of @opensearch-project/opensearch");
  for (const option of ["auth", "ssl", "gzip"] as const) {
    if (options[option] !== undefined) throw invalidOption(option, 'must not be given beside option "client"');
  }
  return { client };
};

const checkMappings = (mappings: unknown): void => {
  if (!isRecord(mappings)) throw invalidOption("mappings", "must be an object");
  const { properties = {} } = mappings;
  if (!isRecord(properties)) throw invalidOption("mappings", "must have an object as its properties");
  if (guardField in properties)
    throw invalidOption("mappings", `must not map ${guardField}, which the sink maps itself`);
};

/** @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-genref.html (read 2026-11-23) */
const fixedOnServerless = /^(index\.)?(number_of_shards|number_of_replicas|refresh_interval)$/;

const checkIndexSettings = (settings: unknown, serverless: boolean): void => {
  if (!isRecord(settings)) throw invalidOption("settings", "must be an object");
  const fixed = Object.keys(settings).find((name) => fixedOnServerless.test(name));
  if (serverless && fixed !== undefined) {
    throw invalidOption("settings", `must not set ${fixed}, which Serverless chooses`);
  }
};

const checkRouting = (routing: unknown, serverless: boolean): void => {
  if (routing === undefined) return;
  if (typeof routing !== "function" && (typeof routing !== "string" || routing === "")) {
    throw invalidOption("routing", "must be the name of an attribute, or a function of an item");
  }
  if (serverless) throw invalidOption("routing", "must not be given for Serverless, which has no routing");
};

const known: OptionNames<OpensearchSinkOptions> = {
  auth: true,
  client: true,
  concurrency: true,
  gzip: true,
  index: true,
  mappings: true,
  maxBytes: true,
  maxEntries: true,
  name: true,
  node: true,
  routing: true,
  serverless: true,
  settings: true,
  ssl: true,
  timeoutMs: true,
};

/** Checks the options and fills in defaults. @throws {ConfigError} CONFIG_INVALID when an option is invalid. */
export const checkOptions = (options: OpensearchSinkOptions): OpensearchSettings => {
  checkOptionNames("opensearchSink", options, known);
  const { index, routing, auth, mappings = {}, settings = {}, name = "opensearch" } = options;
  const { serverless = auth !== undefined && "service" in auth && auth.service === "aoss" } = options;
  const { maxEntries = 1_000, maxBytes = 5 * 1024 * 1024, concurrency = 2, timeoutMs = 30_000 } = options;
  checkIndex(index);
  checkText("name", name);
  checkMappings(mappings);
  checkIndexSettings(settings, serverless);
  checkRouting(routing, serverless);
  return Object.freeze({
    name,
    index,
    routing,
    names: fieldNames(mappings),
    source: sourceOf(options),
    mappings: structuredClone(mappings),
    indexSettings: structuredClone(settings),
    serverless,
    limits: Object.freeze({ maxEntries: countOf("maxEntries", maxEntries), maxBytes: countOf("maxBytes", maxBytes) }),
    concurrency: countOf("concurrency", concurrency),
    timeoutMs: countOf("timeoutMs", timeoutMs),
  });
};
