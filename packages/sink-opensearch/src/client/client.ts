// The interface of OpenSearch's client, and the function that creates a client from the sink's options.

import { missingDependency } from "@sluice/core/sink-kit";
import type { AwsAuth, ClientSettings } from "./connection.ts";

/** A request: the argument of the client's `transport.request`. */
export interface OpensearchRequest {
  readonly method: string;
  readonly path: string;
  readonly querystring?: string;
  readonly body?: string;
  readonly bulkBody?: string | Buffer;
}

/** The part of `Client` of the package `@opensearch-project/opensearch` that the sink uses. */
export interface OpensearchClient {
  readonly transport: {
    readonly request: (
      params: { method: string; path: string; querystring?: string; body?: string; bulkBody?: string | Buffer },
      options?: { maxRetries?: number; requestTimeout?: number },
    ) => PromiseLike<{ readonly body: unknown }> & { readonly abort?: () => unknown };
  };
}

/** A client that the sink creates and closes. */
export interface ClosableClient extends OpensearchClient {
  readonly close: () => Promise<void>;
}

const packageName = "@opensearch-project/opensearch";

const signerOf = async ({ region, service = "es", credentials }: AwsAuth) => {
  const { AwsSigv4Signer } = await import("@opensearch-project/opensearch/aws-v3").catch(
    missingDependency('option "auth"', packageName),
  );
  return AwsSigv4Signer({ region, service, ...(credentials && { getCredentials: credentials }) });
};

/** Creates the client, which connects at its first request. */
export const openClient = async ({ node, auth, ssl, gzip }: ClientSettings): Promise<ClosableClient> => {
  const { Client } = await import("@opensearch-project/opensearch").catch(
    missingDependency('option "node"', packageName),
  );
  return new Client({
    node,
    // Explicit, because the environment variable NODE_TLS_REJECT_UNAUTHORIZED may say otherwise.
    ...(node.startsWith("https:") && { ssl: { ...(ssl as object), rejectUnauthorized: true } }),
    ...(gzip && { compression: "gzip" as const, suggestCompression: true }),
    ...(auth && ("region" in auth ? await signerOf(auth) : { auth: { ...auth } })),
    // By default, the client pings a failed node before using it again. With only one node, such pings are useless.
    resurrectStrategy: "none",
  });
};
