// Options, what they default to, and what is refused at cold start. Nothing here connects.

import { ConfigError } from "@sluice/core/sink-kit";
import type { OpensearchClient } from "./client/client.ts";
import { guardField } from "./write/guard.ts";

/** A user of the security plugin. */
export interface BasicAuth {
  readonly username: string;
  readonly password: string;
}

/** Credentials of AWS, as the SDK's providers resolve them. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** Requests signed by SigV4, for Amazon OpenSearch Service and Serverless. */
export interface AwsAuth {
  readonly region: string;
  /** `es`: a domain. `aoss`: a Serverless collection of type search. Default `es`. */
  readonly service?: "es" | "aoss";
  /** Default: the SDK's provider chain, by the package `@aws-sdk/credential-provider-node`, which Lambda has. */
  readonly credentials?: () => Promise<AwsCredentials>;
}

/** Certificates for TLS, as Node's `tls.connect` takes them. The server's certificate is always verified. */
export interface OpensearchTls {
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  readonly servername?: string;
}

/** Mappings of the index, as OpenSearch takes them. */
export interface OpensearchMappings {
  readonly properties?: { readonly [field: string]: OpensearchField };
  readonly [parameter: string]: unknown;
}

/** The mapping of one field. */
export interface OpensearchField {
  readonly type?: string;
  readonly properties?: { readonly [field: string]: OpensearchField };
  /** Further ways to index the same value: `{ exact: { type: "keyword" } }`. */
  readonly fields?: { readonly [field: string]: OpensearchField };
  readonly [parameter: string]: unknown;
}

/** Options of `opensearch`. */
export interface OpensearchSinkOptions {
  /** Your own client of the package `@opensearch-project/opensearch`. Either this or `node`. The sink never closes it. */
  readonly client?: OpensearchClient;
  /** `https://search-orders.eu-central-1.es.amazonaws.com`: for a client that the sink makes and closes. */
  readonly node?: string;
  /** With `node`: how the sink authenticates. */
  readonly auth?: BasicAuth | AwsAuth;
  /** With `node`: certificates. */
  readonly ssl?: OpensearchTls;
  /** With `node`: compress requests, and ask for compressed answers. Default false: it costs more time than it saves. */
  readonly gzip?: boolean;
  /** The alias to write and to search. The index behind it is `<index>-000001`. */
  readonly index: string;
  /** Fields, for `ensure`. Default: OpenSearch guesses a mapping when a field first comes. */
  readonly mappings?: OpensearchMappings;
  /** Index settings by name, for `ensure`: `{ number_of_shards: 3 }`. Serverless takes none of these. */
  readonly settings?: { readonly [name: string]: unknown };
  /** The target is a Serverless collection. Default: whether `auth.service` is `aoss`. */
  readonly serverless?: boolean;
  /** Most documents of one request. Default 1,000. */
  readonly maxEntries?: number;
  /** Most bytes of one request. Default 5 MiB; the smallest domains take 10 MiB. */
  readonly maxBytes?: number;
  /** Most requests in flight. Default 2. */
  readonly concurrency?: number;
  /** Milliseconds that a request may take, within the invocation's own time. Default 30,000. */
  readonly timeoutMs?: number;
  /** For logs, metrics and dead letters. Default `opensearch`. */
  readonly name?: string;
}

/** What the client is made of. */
export interface ClientSettings {
  readonly node: string;
  readonly auth: BasicAuth | AwsAuth | undefined;
  readonly ssl: OpensearchTls | undefined;
  readonly gzip: boolean;
}

/** Options after validation. */
export interface Settings {
  readonly name: string;
  readonly index: string;
  readonly source: { readonly client: OpensearchClient } | { readonly settings: ClientSettings };
  readonly mappings: OpensearchMappings;
  readonly indexSettings: { readonly [name: string]: unknown };
  readonly serverless: boolean;
  readonly limits: { readonly maxEntries: number; readonly maxBytes: number };
  readonly concurrency: number;
  readonly timeoutMs: number;
}

const invalid = (option: string, expectation: string): ConfigError =>
  new ConfigError("CONFIG_INVALID", `option "${option}" ${expectation}`);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const checkText = (option: string, value: unknown): void => {
  if (typeof value !== "string" || value === "") throw invalid(option, "must be a non-empty string");
};

/** Bytes of a name, of which `-000001` takes seven. */
const maxIndexBytes = 255 - 7;

/** @see https://docs.opensearch.org/latest/api-reference/index-apis/create-index/#index-naming-restrictions */
const checkIndex = (index: unknown): void => {
  checkText("index", index);
  const name = String(index);
  if (!/^[a-z0-9][^\\/*?"<>| ,#:\p{Lu}]*$/u.test(name)) {
    throw invalid(
      "index",
      'must be lowercase, begin with a letter or digit, and hold none of \\ / * ? " < > | , # : or space',
    );
  }
  if (Buffer.byteLength(name) > maxIndexBytes) {
    throw invalid("index", `is ${Buffer.byteLength(name)} bytes; the limit is ${maxIndexBytes}`);
  }
  if (/-\d{6}$/.test(name)) throw invalid("index", "must be the alias, without the number of the index behind it");
};

const countOf = (option: string, value: unknown, fallback: number): number => {
  if (value === undefined) return fallback;
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
  throw invalid(option, "must be a whole number above 0");
};

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

const checkNode = (node: unknown): URL => {
  const url = typeof node === "string" && URL.canParse(node) ? new URL(node) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw invalid("node", "must be a URL: https://host:9200");
  return url;
};

const checkAuth = (auth: BasicAuth | AwsAuth | undefined): void => {
  if (auth === undefined) return;
  if (!isRecord(auth)) throw invalid("auth", "must be an object");
  if (!("region" in auth)) {
    checkText("auth.username", auth.username);
    checkText("auth.password", auth.password);
    return;
  }
  const { region, service, credentials } = auth;
  checkText("auth.region", region);
  if (service !== undefined && service !== "es" && service !== "aoss") {
    throw invalid("auth.service", 'must be "es" or "aoss"');
  }
  if (credentials !== undefined && typeof credentials !== "function") {
    throw invalid("auth.credentials", "must be a function that resolves to credentials");
  }
};

/** Credentials in the URL would stand in every message that names the node. */
const splitNode = (node: unknown, auth: OpensearchSinkOptions["auth"]): Pick<ClientSettings, "node" | "auth"> => {
  const url = checkNode(node);
  const { username, password } = url;
  if (username === "") return { node: url.href, auth: auth && Object.freeze({ ...auth }) };
  if (auth !== undefined) throw invalid("auth", 'must not be given beside the credentials in option "node"');
  url.username = "";
  url.password = "";
  const found = { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  checkAuth(found);
  return { node: url.href, auth: Object.freeze(found) };
};

const clientSettings = ({ node, auth, ssl, gzip = false }: OpensearchSinkOptions): ClientSettings => {
  checkAuth(auth);
  const split = splitNode(node, auth);
  const { protocol, hostname } = new URL(split.node);
  if (split.auth !== undefined && protocol === "http:" && !loopback.test(hostname)) {
    throw invalid("node", "must begin with https:// where the sink authenticates, except on this machine");
  }
  if (ssl !== undefined && !isRecord(ssl)) throw invalid("ssl", "must be an object");
  if (ssl !== undefined && "rejectUnauthorized" in ssl) {
    throw invalid(
      "ssl",
      "must not say whether the server is verified: it is; give the authority's certificate as ssl.ca",
    );
  }
  if (typeof gzip !== "boolean") throw invalid("gzip", "must be true or false");
  return Object.freeze({ ...split, ssl: ssl && Object.freeze({ ...ssl }), gzip });
};

const sourceOf = (options: OpensearchSinkOptions): Settings["source"] => {
  const { client, node } = options;
  if ((client === undefined) === (node === undefined)) {
    throw invalid("client", 'or option "node" must be given, and not both');
  }
  if (client === undefined) return { settings: clientSettings(options) };
  if (typeof client?.transport?.request !== "function") {
    throw invalid("client", "must be a Client of @opensearch-project/opensearch");
  }
  for (const option of ["auth", "ssl", "gzip"] as const) {
    if (options[option] !== undefined) throw invalid(option, 'belongs to the client where option "client" is given');
  }
  return { client };
};

const checkMappings = (mappings: unknown): void => {
  if (!isRecord(mappings)) throw invalid("mappings", "must be an object");
  if (mappings.properties !== undefined && !isRecord(mappings.properties)) {
    throw invalid("mappings", "must have an object as its properties");
  }
  if (isRecord(mappings.properties) && guardField in mappings.properties) {
    throw invalid("mappings", `must not map ${guardField}, which is the sink's own`);
  }
};

/** @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-genref.html (read 2026-11-23) */
const fixedOnServerless = /^(index\.)?(number_of_shards|number_of_replicas|refresh_interval)$/;

const checkSettings = (settings: unknown, serverless: boolean): void => {
  if (!isRecord(settings)) throw invalid("settings", "must be an object");
  const fixed = Object.keys(settings).find((name) => fixedOnServerless.test(name));
  if (serverless && fixed !== undefined) throw invalid("settings", `must not set ${fixed}: Serverless chooses it`);
};

/**
 * Checks the options and fills in defaults.
 * @throws {ConfigError} CONFIG_INVALID, which names the option
 */
export const checkOptions = (options: OpensearchSinkOptions): Settings => {
  const { index, auth, mappings = {}, settings = {}, name = "opensearch" } = options;
  const { serverless = auth !== undefined && "service" in auth && auth.service === "aoss" } = options;
  checkIndex(index);
  checkText("name", name);
  checkMappings(mappings);
  checkSettings(settings, serverless);
  return Object.freeze({
    name,
    index,
    source: sourceOf(options),
    mappings: structuredClone(mappings),
    indexSettings: structuredClone(settings),
    serverless,
    limits: Object.freeze({
      maxEntries: countOf("maxEntries", options.maxEntries, 1_000),
      maxBytes: countOf("maxBytes", options.maxBytes, 5 * 1024 * 1024),
    }),
    concurrency: countOf("concurrency", options.concurrency, 2),
    timeoutMs: countOf("timeoutMs", options.timeoutMs, 30_000),
  });
};
