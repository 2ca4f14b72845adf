// A sink's client: the user's own, or one that is made at the first request and ended by `close`.

/** Where a sink gets its client from. */
export interface LazyClient<Client> {
  readonly get: () => Promise<Client>;
  /** Ends the client that was made; the user's own stays open. Safe to call twice. */
  readonly close: () => Promise<void>;
}

/**
 * For a client of the AWS SDK that a sink makes. Its own retries are off: core repeats what is throttled or lost, and
 * looks at the clock before it does. A target that takes a connection and says nothing must not cost the invocation.
 */
export const awsClientDefaults: {
  readonly maxAttempts: 1;
  readonly requestHandler: {
    readonly connectionTimeout: number;
    readonly requestTimeout: number;
    readonly throwOnRequestTimeout: true;
  };
} = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
};

/** What a sink makes for itself: an SDK client has a middleware stack. */
interface Made {
  readonly destroy: () => void;
  readonly middlewareStack?: { readonly remove: (name: string) => boolean };
}

/** The SDK copies each request and answer for a log, also where nobody reads one: 7 µs for a message to SQS. */
const withoutLog = <Client extends Made>(client: Client): Client => {
  client.middlewareStack?.remove("loggerMiddleware");
  return client;
};

/** The user's client, or else the one that `make` answers, which is asked once. */
export const lazyClient = <Client>(
  given: Client | undefined,
  make: () => Promise<Client & Made>,
): LazyClient<Client> => {
  let making: ReturnType<typeof make> | undefined;
  return {
    get: () => {
      if (given !== undefined) return Promise.resolve(given);
      making ??= make().then(withoutLog);
      return making;
    },
    close: async () => {
      const made = making;
      making = undefined;
      (await made)?.destroy();
    },
  };
};
