// A sink's client: the user's own client, or a client that the sink imports and creates at the first request.

import { ConfigError } from "../errors.ts";

/** Where a sink gets its client from. */
export interface LazyClient<Client> {
  readonly get: () => Promise<Client>;
  /** Closes the client that the sink created; the user's own client stays open. Safe to call twice. */
  readonly close: () => Promise<void>;
}

/** The agent of a client that verifies certificates. NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default of Node. */
export const verifiedTls = { httpsAgent: { rejectUnauthorized: true } } as const;

/**
 * Options for an AWS SDK client that a sink creates. The SDK's retries are off, because core retries and checks the
 * remaining time first. The timeouts end a request to a target that accepts the connection but never answers. Otherwise
 * the request could take the whole invocation.
 */
export const awsClientDefaults = {
  maxAttempts: 1,
  requestHandler: {
    connectionTimeout: 3_000,
    requestTimeout: 10_000,
    throwOnRequestTimeout: true,
    // As in `verifiedTls`.
    httpsAgent: { rejectUnauthorized: true },
  },
} as const;

/** A client with the `destroy` method of AWS SDK clients. */
export interface Destroyable {
  readonly destroy: () => void;
}

const destroy = (client: unknown): void => (client as Destroyable).destroy();

/** Removes the SDK's logger middleware. Even without a logger it copies all data, which costs 7 µs per message. */
const withoutLog = <Client>(client: Client): Client => {
  const { middlewareStack } = client as { readonly middlewareStack?: { readonly remove: (name: string) => boolean } };
  middlewareStack?.remove("loggerMiddleware");
  return client;
};

/** Provides the user's client, or the client that `make` creates. `make` is called once, at the first `get`. */
export function lazyClient<Client>(
  given: Client | undefined,
  make: () => Promise<Client & Destroyable>,
): LazyClient<Client>;
/** Like the overload above, but for a client without `destroy`: `end` closes the client that `make` created. */
export function lazyClient<Client, Made extends Client = Client>(
  given: Client | undefined,
  make: () => Promise<Made>,
  end: (made: Made) => void | Promise<void>,
): LazyClient<Client>;
export function lazyClient<Client>(
  given: Client | undefined,
  make: () => Promise<Client>,
  end: (made: Client) => void | Promise<void> = destroy,
): LazyClient<Client> {
  let making: Promise<Client> | undefined;
  return {
    get: () => {
      if (given !== undefined) return Promise.resolve(given);
      making ??= make().then(withoutLog);
      return making;
    },
    close: async () => {
      const made = making;
      making = undefined;
      if (made !== undefined) await end(await made);
    },
  };
}

/**
 * Loads a client of the AWS SDK, and the modules of Node that the SDK imports at its first request: in a CommonJS bundle,
 * these imports take as long as the SDK itself.
 */
export const prepareAwsClient = async (load: () => Promise<unknown>): Promise<void> => {
  await Promise.all([load(), import("node:http"), import("node:https")]);
};

/** The package that Node did not find. Undefined for any other error. */
const packageNotFound = (error: Error & { readonly code?: unknown }): string | undefined => {
  if (error.code !== "ERR_MODULE_NOT_FOUND" && error.code !== "MODULE_NOT_FOUND") return undefined;
  return /^Cannot find (?:package|module) '([^']*)'/.exec(error.message)?.[1];
};

/** What to do about an error that bundles raise: https://esbuild.github.io/api/#format */
const bundleHint = (message: string): string =>
  message.startsWith("Dynamic require of") ? "; the bundle needs `require`, see docs/bundling.md" : "";

/**
 * Creates the `catch` for the import of an optional package. The import and its `catch` must be in the caller's code,
 * because esbuild tolerates a missing package only if the import itself has a `catch`.
 * @throws {ConfigError} CONFIG_MISSING_DEPENDENCY if this very package is not installed, and CONFIG_BROKEN_DEPENDENCY for
 * any other reason why it cannot be loaded. The message names the package and its user.
 * @example
 * const { SQS } = await import("@aws-sdk/client-sqs").catch(missingDependency("sqs", "@aws-sdk/client-sqs"));
 */
export const missingDependency =
  (user: string, packageName: string) =>
  (cause: unknown): never => {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    const needs = `${user} needs the package ${packageName}`;
    if (packageNotFound(error) === packageName) {
      throw new ConfigError("CONFIG_MISSING_DEPENDENCY", `${needs}: npm install ${packageName}`, { cause });
    }
    const [reason = ""] = error.message.split("\n");
    const found = `${needs}, which cannot be loaded: ${reason}${bundleHint(reason)}`;
    throw new ConfigError("CONFIG_BROKEN_DEPENDENCY", found, { cause });
  };
