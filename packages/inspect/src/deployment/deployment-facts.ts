// What a console shows of a deployment: its function, the table of its stream, and its queues. The doctor reads more.

import { type Answer, isAnswered, knownValue, type Unanswered } from "../aws/answer.ts";
import type { Clients } from "../aws/clients.ts";
import { readsStream, tableAddress, tableNameOf } from "../doctor/facts.ts";
import { type FunctionFacts, logGroupOf, readFunction } from "../doctor/function-facts.ts";
import { unqualified } from "../doctor/function-name.ts";
import { type QueueFacts, readQueues } from "../doctor/queue-facts.ts";

/** The table whose stream a mapping of the function reads. */
export interface DeployedTable {
  readonly name: string;
  /** The ARN, by which AWS also finds a table of another account. */
  readonly address: string;
}

/** A deployment, as its function tells of it. */
export interface DeploymentFacts {
  readonly function: FunctionFacts;
  /** The function's name without alias and version: the value of its metrics' dimension. */
  readonly metricName: string;
  readonly logGroup: string;
  /** Without copies: several mappings may read one stream. */
  readonly tables: readonly DeployedTable[];
  readonly queues: readonly QueueFacts[];
  /** The questions about the function and its queues that AWS did not answer. */
  readonly unanswered: readonly Unanswered[];
  /** Why AWS answered no question about the function; undefined if AWS answered one. */
  readonly silent: Unanswered | undefined;
}

const tablesOf = ({ mappings }: FunctionFacts): readonly DeployedTable[] => {
  const arns = (knownValue(mappings) ?? []).filter(readsStream).map(({ EventSourceArn = "" }) => EventSourceArn);
  const byAddress = new Map(arns.map((arn) => [tableAddress(arn), tableNameOf(arn)]));
  return [...byAddress].map(([address, name]) => ({ address, name }));
};

/**
 * Reads a deployment. Never rejects: an answer that AWS does not give is in `unanswered`.
 * @param functionName name or ARN of the function; with an alias or version if the mappings have one.
 */
export const deploymentFacts = async (clients: Clients, functionName: string): Promise<DeploymentFacts> => {
  const found = await readFunction(clients, functionName);
  const queues = await readQueues(clients, knownValue(found.mappings) ?? [], knownValue(found.variables));
  const ofFunction: readonly Answer<unknown>[] = [found.configuration, found.variables, found.mappings];
  const answers: readonly Answer<unknown>[] = [
    ...ofFunction,
    ...queues.flatMap(({ url, attributes }) => [url, attributes]),
  ];
  const unanswered = answers.flatMap((answer) => (isAnswered(answer) ? [] : [answer.unanswered]));
  return {
    function: found,
    metricName: unqualified(found.name),
    logGroup: logGroupOf(found.name, knownValue(found.configuration)),
    tables: tablesOf(found),
    queues,
    unanswered: [...new Map(unanswered.map((one) => [`${one.action} ${one.reason}`, one])).values()],
    silent: ofFunction.some(isAnswered) ? undefined : unanswered[0],
  };
};
