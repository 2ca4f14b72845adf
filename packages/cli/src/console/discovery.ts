// Finds what belongs to the function of a deployment, and looks again after a minute, because a deployment changes.

import {
  type Answer,
  ask,
  type Clients,
  type DeployedTable,
  type DeploymentFacts,
  deploymentFacts,
  isAnswered,
  metricNamespace,
  type Unanswered,
} from "@sluice/inspect";
import { routesWithMetrics } from "./metrics.ts";

/** The table of a deployment. */
export interface FoundTable extends DeployedTable {
  /** The partition key first; empty if AWS does not tell. */
  readonly keyNames: readonly string[];
}

/** What was found. */
export interface Deployment {
  readonly facts: DeploymentFacts;
  readonly table: FoundTable | undefined;
  /** Names of the routes that write metrics. */
  readonly metricRoutes: Answer<readonly string[]>;
  readonly unanswered: readonly Unanswered[];
}

/** Finds what belongs to a function. */
export interface Discovery {
  readonly now: () => Deployment;
  /** Looks again if the last look is a minute ago. Returns whether it looked. */
  readonly refresh: () => Promise<boolean>;
}

const tableIn = (given: string | undefined, { tables }: DeploymentFacts): DeployedTable | undefined => {
  if (given === undefined) return tables.length === 1 ? tables[0] : undefined;
  return { address: given, name: /:table\/([^/]+)/.exec(given)?.[1] ?? given };
};

const keysOf = ({ dynamodb }: Clients, TableName: string): Promise<Answer<readonly string[]>> =>
  ask(
    "dynamodb:DescribeTable",
    async (abortSignal) => {
      const { Table } = await dynamodb.describeTable({ TableName }, { abortSignal });
      return (Table?.KeySchema ?? []).map(({ AttributeName = "" }) => AttributeName);
    },
    () => [],
  );

const look = async (clients: Clients, functionName: string, givenTable: string | undefined): Promise<Deployment> => {
  const facts = await deploymentFacts(clients, functionName);
  const table = tableIn(givenTable, facts);
  const [metricRoutes, keys] = await Promise.all([
    routesWithMetrics(clients.cloudwatch, metricNamespace, facts.metricName),
    table === undefined ? { value: [] } : keysOf(clients, table.address),
  ]);
  return {
    facts,
    table: table && { ...table, keyNames: isAnswered(keys) ? keys.value : [] },
    metricRoutes,
    unanswered: [
      ...facts.unanswered,
      ...[metricRoutes, keys].flatMap((answer) => (isAnswered(answer) ? [] : [answer.unanswered])),
    ],
  };
};

const refreshMs = 60_000;

/** Looks for the first time. Never rejects: what AWS does not answer is in `unanswered`. */
export const discover = async (
  clients: Clients,
  functionName: string,
  givenTable: string | undefined,
): Promise<Discovery> => {
  let found = await look(clients, functionName, givenTable);
  let lookedAt = Date.now();
  return {
    now: () => found,
    refresh: async () => {
      if (Date.now() - lookedAt < refreshMs) return false;
      lookedAt = Date.now();
      found = await look(clients, functionName, givenTable);
      return true;
    },
  };
};
