// The servers that the tests of this package need: every release that can be started here, or the one that is given.

import { afterAll, describe, test } from "@jest/globals";
import {
  type DescribeWith,
  engineOrSkip,
  type OpensearchEngine,
  type OpensearchEngineOptions,
  opensearchVersions,
  startOpensearch,
} from "@sluice/local";

/** A server as a block of tests sees it. */
export interface Server extends OpensearchEngine {
  readonly label: string;
}

const startLabelled = async (options: OpensearchEngineOptions): Promise<Server> => {
  const engine = await startOpensearch(options);
  return { ...engine, label: `OpenSearch ${options.version ?? "as given"}` };
};

const describeWith = (options: OpensearchEngineOptions): Promise<DescribeWith<Server>> =>
  engineOrSkip({ describe, test, afterAll }, () => startLabelled(options));

/** Declares a block of tests once for each release; they are started one after the other. */
export const describeWithEachServer = async (name: string, body: (server: Server) => void): Promise<void> => {
  const versions = process.env.OPENSEARCH_URL ? [] : await opensearchVersions();
  for (const version of versions) (await describeWith({ version }))(`${name} on OpenSearch ${version}`, body);
  if (versions.length === 0) (await describeWith({}))(name, body);
};
