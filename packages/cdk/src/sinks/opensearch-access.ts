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
  /** The variable with the address. Default `OPENSEARCH_NODE`. */
  readonly nodeVariable?: string;
  /** The variable with the region, for the option `auth`. Default `OPENSEARCH_REGION`. */
  readonly regionVariable?: string;
  /** The sink's `timeoutMs`. Default 30 s. */
  readonly timeout?: Duration;
}

const defaultSeconds = 30;

const isCollection = (target: IDomain | ServerlessCollection): target is ServerlessCollection =>
  "collectionArn" in target;

/** The methods of the sink's requests. */
const actionsOf: Readonly<Record<SinkUse, readonly string[]>> = {
  write: ["es:ESHttpGet", "es:ESHttpPost"],
  compare: ["es:ESHttpGet", "es:ESHttpPost"],
  ensure: ["es:ESHttpGet", "es:ESHttpPost", "es:ESHttpPut"],
};

/** Paths besides those of the index: a simulation of its ingest pipelines, and the aliases. */
const morePaths: Readonly<Record<SinkUse, readonly string[]>> = {
  write: ["_alias/*"],
  compare: ["_ingest/pipeline/*"],
  ensure: ["_aliases"],
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
  const region = regionOf(domain);
  return {
    name: "opensearch",
    packages: ["@opensearch-project/opensearch"],
    maxSeconds: options.timeout?.toSeconds() ?? defaultSeconds,
    environment: {
      [options.nodeVariable ?? "OPENSEARCH_NODE"]: node,
      [options.regionVariable ?? "OPENSEARCH_REGION"]: region,
    },
    ...networkMember(options),
    grant: (target, use) => {
      if (isCollection(domain)) {
        allowActions(target, ["aoss:APIAccessAll"], [domain.collectionArn]);
        return;
      }
      // The alias is `index`; the indices behind it are `index-000001` and so on.
      const paths = [...indices.flatMap((name) => [name, `${name}/*`, `${name}-*`]), ...morePaths[use]];
      allowActions(
        target,
        actionsOf[use],
        paths.map((path) => `${domain.domainArn}/${path}`),
      );
    },
  };
};
