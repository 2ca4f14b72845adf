// The access to an index of Amazon OpenSearch Service, or to a Serverless collection.

import { type RightRow, rightRows } from "@sluice/rules";
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

/**
 * The requests of each use. The dry run of a redrive reads from the write index, `<index>-000001` and so on; the other
 * requests go to the alias.
 */
const rowsOf: Readonly<Record<SinkUse, readonly RightRow[]>> = {
  write: [rightRows.searchGet, rightRows.searchPost],
  compare: [rightRows.searchCompareGet, rightRows.searchComparePost],
  ensure: [rightRows.searchEnsureGet, rightRows.searchEnsurePut, rightRows.searchEnsurePost],
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
      for (const { actions, on } of rowsOf[use]) {
        const all = new Set(indices.flatMap((one) => on.map((path) => path.replaceAll("<index>", one))));
        allowActions(
          target,
          actions,
          [...all].map((path) => `${domain.domainArn}/${path}`),
        );
      }
    },
  };
};
