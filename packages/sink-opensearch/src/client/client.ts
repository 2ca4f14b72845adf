// The client: the user's own, or one that is made at first use. Every request goes through `ask`, which ends it with
// the invocation and turns what the client raises into a code.

import { missingDependency, SinkError, type WriteContext } from "@sluice/core/sink-kit";
import { type RequestFailure, requestFailure } from "../classify.ts";
import type { AwsAuth, ClientSettings } from "../options.ts";

/** A request, as the client's `transport.request` takes it. */
export interface OpensearchRequest {
  readonly method: string;
  readonly path: string;
  readonly querystring?: string;
  readonly body?: string;
  readonly bulkBody?: string | Buffer;
}

/** The part of the package `@opensearch-project/opensearch`'s `Client` that the sink needs. */
export interface OpensearchClient {
  readonly transport: {
    readonly request: (
      params: { method: string; path: string; querystring?: string; body?: string; bulkBody?: string | Buffer },
      options?: { maxRetries?: number; requestTimeout?: number },
    ) => PromiseLike<{ readonly body: unknown }> & { readonly abort?: () => unknown };
  };
}

/** A client that the sink made, and closes. */
export interface OwnClient extends OpensearchClient {
  readonly close: () => Promise<void>;
}

const packageName = "@opensearch-project/opensearch";

const signerOf = async ({ region, service = "es", credentials }: AwsAuth) => {
  const { AwsSigv4Signer } = await import("@opensearch-project/opensearch/aws-v3").catch(
    missingDependency('option "auth"', packageName),
  );
  return AwsSigv4Signer({ region, service, ...(credentials && { getCredentials: credentials }) });
};

/** Makes the client. No connection is opened until the first request. */
export const openClient = async ({ node, auth, ssl, gzip }: ClientSettings): Promise<OwnClient> => {
  const { Client } = await import("@opensearch-project/opensearch").catch(
    missingDependency('option "node"', packageName),
  );
  return new Client({
    node,
    ...(ssl && { ssl: ssl as object }),
    ...(gzip && { compression: "gzip" as const, suggestCompression: true }),
    ...(auth && ("region" in auth ? await signerOf(auth) : { auth: { ...auth } })),
    // The one node is asked even when it is thought dead; a ping beside that would only be noise.
    resurrectStrategy: "none",
  });
};

/** How requests are made. */
export interface AskOptions {
  /** Name of the sink, for messages. */
  readonly sink: string;
  readonly context: WriteContext;
  readonly timeoutMs: number;
}

/** The body of the answer, or why there is none. */
export type Answer = { readonly body: unknown } | { readonly failure: RequestFailure };

/** No deadline: for `ensure` and `purge`. */
export const unhurried: WriteContext = {
  signal: new AbortController().signal,
  remainingMs: () => Number.POSITIVE_INFINITY,
};

/** Makes one request, once: core knows what is worth another try. */
export const ask = async (
  client: OpensearchClient,
  request: OpensearchRequest,
  { sink, context, timeoutMs }: AskOptions,
): Promise<Answer> => {
  const { signal, remainingMs } = context;
  let abort = (): void => undefined;
  try {
    const requestTimeout = Math.max(1, Math.floor(Math.min(timeoutMs, remainingMs())));
    const sent = client.transport.request({ ...request }, { maxRetries: 0, requestTimeout });
    const over = new Promise<never>((_, reject) => {
      abort = () => {
        sent.abort?.();
        reject(new SinkError("SINK_TIMEOUT", `[${sink}] the invocation's time was over before OpenSearch answered`));
      };
      signal.addEventListener("abort", abort, { once: true });
    });
    const { body } = await Promise.race([sent, over]);
    return { body };
  } catch (error) {
    if (error instanceof SinkError) return { failure: { error, mayBeOneEntry: false } };
    return { failure: requestFailure(sink, error) };
  } finally {
    signal.removeEventListener("abort", abort);
  }
};
