// A sink's client: the user's own, or one that is made, and whose package is imported, at the first request.

import { ConfigError } from "../errors.ts";

/** Where a sink gets its client from. */
export interface LazyClient<Client> {
  readonly get: () => Promise<Client>;
  /** Ends the client that was made; the user's own stays open. Safe to call twice. */
  readonly close: () => Promise<void>;
}

/**
 * Options for an AWS SDK client that a sink makes. The SDK's retries are off, because core retries and checks the
 * remaining time first. The timeouts keep a target that accepts a connection and never answers from using up the
 * invocation.
 */
export const awsClientDefaults = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
} as const;

/** A client that is ended as the clients of the AWS SDK are. */
export interface Destroyable {
  readonly destroy: () => void;
}

const destroy = (client: unknown): void => (client as Destroyable).destroy();

/** The SDK's logger middleware copies each request and response even when there is no logger: 7 µs per SQS message. */
const withoutLog = <Client>(client: Client): Client => {
  const { middlewareStack } = client as { readonly middlewareStack?: { readonly remove: (name: string) => boolean } };
  middlewareStack?.remove("loggerMiddleware");
  return client;
};

/** The user's client, or one that `make` returns. `make` is called once, at the first `get`. */
export function lazyClient<Client>(
  given: Client | undefined,
  make: () => Promise<Client & Destroyable>,
): LazyClient<Client>;
/** As above, for a client that has no `destroy`: `end` ends the client that was made. */
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
 * The `catch` of such an import. Both must be in the caller's code: esbuild ignores a package that is not installed only
 * if the import itself has a `catch`.
 * @throws {ConfigError} CONFIG_MISSING_DEPENDENCY, which names the package and its user.
 * @example
 * const { SQS } = await import("@aws-sdk/client-sqs").catch(missingDependency("sqs", "@aws-sdk/client-sqs"));
 */
export const missingDependency =
  (user: string, packageName: string) =>
  (cause: unknown): never => {
    throw new ConfigError(
      "CONFIG_MISSING_DEPENDENCY",
      `${user} needs the package ${packageName}: npm install ${packageName}`,
      { cause },
    );
  };
