// What AWS knows of the pipeline's function. Values of its variables may be secrets: only those of Sluice's own are kept.

import type { EventSourceMappingConfiguration, FunctionConfiguration } from "@aws-sdk/client-lambda";
import { type Answer, ask } from "../aws/answer.ts";
import type { Clients } from "../aws/clients.ts";
import { nameOf, qualifierOf, unqualified } from "./function-name.ts";
import { resourcesIn } from "./rights/variables.ts";

/** The variables by which the constructs, and the examples, tell a function its queues and its dedupe table. */
export interface Variables {
  readonly names: ReadonlySet<string>;
  readonly retryQueueUrl: string | undefined;
  readonly deadLetterQueueUrl: string | undefined;
  readonly dedupeTable: string | undefined;
  /** The values of `resourceVariables` that name a resource of AWS. */
  readonly resources: ReadonlyMap<string, string>;
}

/** A function. */
export interface FunctionFacts {
  /** As the commands of AWS take it: the name with its alias or version, or the ARN. */
  readonly name: string;
  /** The configuration without the variables; undefined if the function does not exist. */
  readonly configuration: Answer<Omit<FunctionConfiguration, "Environment"> | undefined>;
  /** Undefined if the function does not exist. */
  readonly variables: Answer<Variables | undefined>;
  /** The reserved concurrency; undefined if none is reserved. */
  readonly reservedConcurrency: Answer<number | undefined>;
  /** The mappings to the function, to this alias or version of it. */
  readonly mappings: Answer<readonly EventSourceMappingConfiguration[]>;
  /** If no mapping reads a stream: the function's aliases that have mappings of their own. */
  readonly aliasMappings: readonly string[];
}

const variablesOf = (configuration: FunctionConfiguration): Answer<Variables> => {
  const { Variables: variables = {}, Error: failure } = configuration.Environment ?? {};
  // Lambda answers without the variables if the caller must not use the key that encrypts them.
  if (failure !== undefined) {
    return { unanswered: { action: "kms:Decrypt", reason: failure.ErrorCode ?? "AccessDeniedException" } };
  }
  return {
    value: {
      names: new Set(Object.keys(variables)),
      retryQueueUrl: variables.RETRY_QUEUE_URL,
      deadLetterQueueUrl: variables.DEAD_LETTER_QUEUE_URL,
      dedupeTable: variables.DEDUPE_TABLE,
      resources: resourcesIn(variables),
    },
  };
};

const readConfiguration = async (
  { lambda }: Clients,
  name: string,
): Promise<Pick<FunctionFacts, "configuration" | "variables">> => {
  const answer = await ask<FunctionConfiguration | undefined>(
    "lambda:GetFunctionConfiguration",
    (abortSignal) => lambda.getFunctionConfiguration({ FunctionName: name }, { abortSignal }),
    () => undefined,
  );
  if ("unanswered" in answer) return { configuration: answer, variables: answer };
  if (answer.value === undefined) return { configuration: { value: undefined }, variables: { value: undefined } };
  const { Environment: _, ...configuration } = answer.value;
  return { configuration: { value: configuration }, variables: variablesOf(answer.value) };
};

/** The log group of a function. Without a setting of its own, Lambda names the group after the function. */
export const logGroupOf = (name: string, configuration: FunctionConfiguration | undefined): string =>
  configuration?.LoggingConfig?.LogGroup ?? `/aws/lambda/${unqualified(name)}`;

/** All mappings of a function, or all readers of a source. */
export const listMappings = (
  { lambda }: Clients,
  of: { readonly FunctionName: string } | { readonly EventSourceArn: string },
): Promise<Answer<readonly EventSourceMappingConfiguration[]>> =>
  ask(
    "lambda:ListEventSourceMappings",
    async (abortSignal) => {
      const found: EventSourceMappingConfiguration[] = [];
      let marker: string | undefined;
      do {
        const page = await lambda.listEventSourceMappings(
          { ...of, ...(marker !== undefined && { Marker: marker }) },
          { abortSignal },
        );
        found.push(...(page.EventSourceMappings ?? []));
        marker = page.NextMarker;
      } while (marker);
      return found;
    },
    () => [],
  );

/** Aliases that have mappings. A right that is missing leaves the list empty: it is only a hint. */
const readAliases = async (clients: Clients, name: string): Promise<readonly string[]> => {
  const answer = await ask(
    "lambda:ListAliases",
    async (abortSignal) =>
      (await clients.lambda.listAliases({ FunctionName: unqualified(name) }, { abortSignal })).Aliases,
    () => [],
  );
  const aliases = "value" in answer ? (answer.value ?? []).map(({ Name = "" }) => Name) : [];
  const mapped = await Promise.all(
    aliases.map(async (alias) => {
      const mappings = await listMappings(clients, { FunctionName: `${unqualified(name)}:${alias}` });
      return "value" in mappings && mappings.value.length > 0 ? [alias] : [];
    }),
  );
  return mapped.flat();
};

/** Reads what AWS knows of a function. @param name its name or ARN, with an alias or version if the mappings have one. */
export const readFunction = async (clients: Clients, name: string): Promise<FunctionFacts> => {
  const [configuration, reservedConcurrency, mappings] = await Promise.all([
    readConfiguration(clients, name),
    ask<number | undefined>(
      "lambda:GetFunctionConcurrency",
      async (abortSignal) => {
        const FunctionName = unqualified(name);
        return (await clients.lambda.getFunctionConcurrency({ FunctionName }, { abortSignal }))
          .ReservedConcurrentExecutions;
      },
      () => undefined,
    ),
    listMappings(clients, { FunctionName: name }),
  ]);
  const isUnread = "value" in mappings && mappings.value.length === 0;
  const aliasMappings = isUnread && qualifierOf(name) === undefined ? await readAliases(clients, name) : [];
  return { name: nameOf(name), ...configuration, reservedConcurrency, mappings, aliasMappings };
};
