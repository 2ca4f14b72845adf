// Options for connecting to OpenSearch, and their checks. The sink creates its client from these options.

import {
  checkOptionNames,
  checkText,
  checkTls,
  invalidOption,
  isLoopbackHost,
  isRecord,
  type TlsOptions,
} from "@sluice/core/sink-kit";

/** A user of the security plugin. */
export interface BasicAuth {
  readonly username: string;
  readonly password: string;
}

/** AWS credentials, in the form that the SDK's credential providers return. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** Signs requests with AWS SigV4, for Amazon OpenSearch Service and OpenSearch Serverless. */
export interface AwsAuth {
  readonly region: string;
  /** `es` for a domain, `aoss` for a Serverless collection, whose type must be search. Default `es`. */
  readonly service?: "es" | "aoss";
  /** Default: `defaultProvider` of the package `@aws-sdk/credential-provider-node`, which Lambda provides. */
  readonly credentials?: () => Promise<AwsCredentials>;
}

/** The options of a client that the sink creates and closes. */
export interface OpensearchConnection {
  /** The server's URL: `https://search-orders.eu-central-1.es.amazonaws.com`. Set `node` or `client`. */
  readonly node?: string;
  /** With `node`: how the sink authenticates. */
  readonly auth?: BasicAuth | AwsAuth;
  /** With `node`: TLS certificates. */
  readonly ssl?: TlsOptions;
  /** With `node`: whether to compress requests and answers. Default false, because compression is slower. */
  readonly gzip?: boolean;
}

/** The settings of the client that the sink creates. */
export interface ClientSettings {
  readonly node: string;
  readonly auth: BasicAuth | AwsAuth | undefined;
  readonly ssl: TlsOptions | undefined;
  readonly gzip: boolean;
}

const checkNode = (node: unknown): URL => {
  const url = typeof node === "string" && URL.canParse(node) ? new URL(node) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw invalidOption("node", "must be a URL: https://host:9200");
};

const checkAuth = (auth: BasicAuth | AwsAuth | undefined): void => {
  if (auth === undefined) return;
  if (!isRecord(auth)) throw invalidOption("auth", "must be an object");
  if (!("region" in auth)) {
    checkOptionNames<BasicAuth>('option "auth"', auth, { username: true, password: true });
    checkText("auth.username", auth.username);
    checkText("auth.password", auth.password);
    return;
  }
  checkOptionNames<AwsAuth>('option "auth"', auth as AwsAuth, { region: true, service: true, credentials: true });
  const { region, service, credentials } = auth;
  checkText("auth.region", region);
  if (service !== undefined && service !== "es" && service !== "aoss") {
    throw invalidOption("auth.service", 'must be "es" or "aoss"');
  }
  if (credentials !== undefined && typeof credentials !== "function") {
    throw invalidOption("auth.credentials", "must be a function that resolves to credentials");
  }
};

/** Checks the certificates. `rejectUnauthorized: true` is accepted, because it says what the sink does anyway. */
const checkSsl = (ssl: TlsOptions | undefined): void => {
  checkTls("ssl", ssl);
  if (ssl === undefined) return;
  type Names = TlsOptions & { readonly rejectUnauthorized?: true };
  const names = { ca: true, cert: true, key: true, servername: true, rejectUnauthorized: true } as const;
  checkOptionNames<Names>('option "ssl"', ssl, names);
};

/** Moves user and password from the URL to `auth`. Otherwise, each error message with the URL would contain them. */
const splitNode = (node: unknown, auth: OpensearchConnection["auth"]): Pick<ClientSettings, "node" | "auth"> => {
  const url = checkNode(node);
  const { username, password } = url;
  if (username === "") return { node: url.href, auth: auth && Object.freeze({ ...auth }) };
  if (auth !== undefined) throw invalidOption("auth", 'must not be given beside the credentials in option "node"');
  url.username = "";
  url.password = "";
  const found = { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  checkAuth(found);
  return { node: url.href, auth: Object.freeze(found) };
};

/** Checks the options and fills in defaults. @throws {ConfigError} CONFIG_INVALID when an option is invalid. */
export const clientSettings = ({ node, auth, ssl, gzip = false }: OpensearchConnection): ClientSettings => {
  checkAuth(auth);
  const split = splitNode(node, auth);
  const { protocol, hostname } = new URL(split.node);
  if (split.auth !== undefined && protocol === "http:" && !isLoopbackHost(hostname)) {
    throw invalidOption("node", "must begin with https:// where the sink authenticates, except to this machine");
  }
  checkSsl(ssl);
  if (typeof gzip !== "boolean") throw invalidOption("gzip", "must be true or false");
  return Object.freeze({ ...split, ssl: ssl && Object.freeze({ ...ssl }), gzip });
};
