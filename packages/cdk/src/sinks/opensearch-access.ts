// The access to an index of Amazon OpenSearch Service, or to a Serverless collection.

import { type Duration, Fn, Token } from "aws-cdk-lib";
import type { IDomain } from "aws-cdk-lib/aws-opensearchservice";
import { allowActions } from "../function/allow.ts";
import { networkMember, type TargetNetwork } from "./shared.ts";
import type { SinkAccess, SinkUse } from "./sink-access.ts";

/** A collection of OpenSearch Serverless. */
export interface ServerlessCollection {
  readonly collectionArn: string;
  readonly collectionEndpoint: string;
}

/** Options of `openSearchAccess`. */
export interface OpenSearchAccessOptions extends TargetNetwork {
  /** A domain of Amazon OpenSearch Service, of this app or imported, or a Serverless collection. */
  readonly domain: IDomain | ServerlessCollection;
  /** The sink's option `index`, or those of several sinks. */
  readonly index: string | readonly string[];
  /** The region for which requests are signed. Default: that of the construct `domain`; without one, the function's region. */
  readonly region?: string | undefined;
  /** The variable with the address. Default `OPENSEARCH_NODE`. */
  readonly nodeVariable?: string | undefined;
  /** The variable with the region, for the option `auth`. Default `OPENSEARCH_REGION`. */
  readonly regionVariable?: string | undefined;
  /** The sink's `timeoutMs`. Default 30 s. */
  readonly timeout?: Duration | undefined;
}

const defaultSeconds = 30;

const isCollection = (target: IDomain | ServerlessCollection): target is ServerlessCollection =>
  "collectionArn" in target;

/** The requests of a sink: the action for a method, and the paths below the domain. */
interface Requests {
  readonly action: string;
  readonly paths: (index: string) => readonly string[];
}

/**
 * The requests of each use. The dry run of a redrive reads from the write index, `<index>-000001` and so on; the other
 * requests go to the alias.
 */
const requestsOf: Readonly<Record<SinkUse, readonly Requests[]>> = {
  write: [
    { action: "es:ESHttpGet", paths: (index) => [index, `_alias/${index}`] },
    {
      action: "es:ESHttpPost",
      paths: (index) => [
        ...["_bulk", "_mget", "_refresh", "_search"].map((name) => `${index}/${name}`),
        `${index}-*/_mget`,
      ],
    },
  ],
  compare: [
    { action: "es:ESHttpGet", paths: (index) => [index] },
    {
      action: "es:ESHttpPost",
      paths: (index) => [
        ...["_mget", "_refresh", "_search"].map((name) => `${index}/${name}`),
        "_ingest/pipeline/*/_simulate",
      ],
    },
  ],
  ensure: [
    { action: "es:ESHttpGet", paths: (index) => [index, `${index}-000001`] },
    { action: "es:ESHttpPut", paths: (index) => [`${index}-000001`, `${index}-*/_mapping`] },
    { action: "es:ESHttpPost", paths: () => ["_aliases"] },
  ],
};

/** IAM signs for the region of the endpoint. Only the ARN of an imported domain or of a collection names it. */
const regionOf = (domain: IDomain | ServerlessCollection): string => {
  if (!isCollection(domain) && Token.isUnresolved(domain.domainArn)) return domain.env.region;
  const arn = isCollection(domain) ? domain.collectionArn : domain.domainArn;
  return Fn.select(3, Fn.split(":", arn));
};

/**
 * What `opensearchSink` needs. A collection also needs a data access policy for the function's role: `aoss:WriteDocument` and
 * `aoss:DescribeIndex`, which CDK's constructs of collections create.
 */
export const openSearchAccess = (options: OpenSearchAccessOptions): SinkAccess => {
  const { domain, index } = options;
  const indices = typeof index === "string" ? [index] : index;
  const node = isCollection(domain) ? domain.collectionEndpoint : `https://${domain.domainEndpoint}`;
  return {
    name: "opensearch",
    packages: ["@opensearch-project/opensearch"],
    maxSeconds: options.timeout?.toSeconds() ?? defaultSeconds,
    environment: {
      [options.nodeVariable ?? "OPENSEARCH_NODE"]: node,
      [options.regionVariable ?? "OPENSEARCH_REGION"]: options.region ?? regionOf(domain),
    },
    ...networkMember(options),
    grant: (target, use) => {
      if (isCollection(domain)) {
        allowActions(target, ["aoss:APIAccessAll"], [domain.collectionArn]);
        return;
      }
      for (const { action, paths } of requestsOf[use]) {
        const all = new Set(indices.flatMap(paths));
        allowActions(
          target,
          [action],
          [...all].map((path) => `${domain.domainArn}/${path}`),
        );
      }
    },
  };
};
