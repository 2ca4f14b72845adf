// Starts a server of each OpenSearch release that can run here, unless OPENSEARCH_URL names a server for the tests.

import { afterAll, describe, test } from "@jest/globals";
import {
  type DescribeWith,
  engineOrSkip,
  type OpensearchEngine,
  type OpensearchEngineOptions,
  opensearchVersions,
  startOpensearch,
} from "@sluice/local";

/** A server, and a label for the names of its tests. */
export interface LabelledServer extends OpensearchEngine {
  readonly label: string;
}

const startLabelled = async (options: OpensearchEngineOptions): Promise<LabelledServer> => {
  const engine = await startOpensearch(options);
  return { ...engine, label: `OpenSearch ${options.version ?? "as given"}` };
};

const describeWith = (options: OpensearchEngineOptions): Promise<DescribeWith<LabelledServer>> =>
  engineOrSkip({ describe, test, afterAll }, () => startLabelled(options));

/** Declares a block of tests once for each release, on servers that run ingest pipelines. Requires a JDK. */
export const describeWithEachIngestServer = async (
  name: string,
  body: (server: LabelledServer) => void,
): Promise<void> => {
  const versions = process.env.OPENSEARCH_URL ? [] : await opensearchVersions();
  const nodeRoles = ["cluster_manager", "data", "ingest"];
  for (const version of versions) {
    (await describeWith({ version, nodeRoles }))(`${name} on OpenSearch ${version}`, body);
  }
  if (versions.length === 0) (await describeWith({}))(name, body);
};

/** Declares a block of tests once for each release. The servers are started one after the other. */
export const describeWithEachServer = async (name: string, body: (server: LabelledServer) => void): Promise<void> => {
  const versions = process.env.OPENSEARCH_URL ? [] : await opensearchVersions();
  for (const version of versions) (await describeWith({ version }))(`${name} on OpenSearch ${version}`, body);
  if (versions.length === 0) (await describeWith({}))(name, body);
};
