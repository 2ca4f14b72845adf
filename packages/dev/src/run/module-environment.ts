// The environment of the process of a module. Creates the queues and topics that the variables name.

import { basename } from "node:path";
import type { SQS } from "@aws-sdk/client-sqs";
import type { DevEngines } from "../engines/engines.ts";
import { resolveReferences, type Variables } from "../environment/env-file.ts";
import { provisionOf, type Resource } from "../environment/provided.ts";
import { safeVariables } from "../environment/safe-variables.ts";
import type { ModuleGraph } from "../graph/graph.ts";
import { createQueue, createTopic } from "../table/queues.ts";

/** The variables that a user gave. */
export interface GivenVariables {
  /** Those of the command's own process. */
  readonly inherited: Readonly<Record<string, string | undefined>>;
  /** Those that were given for this command. They win over all others. */
  readonly own: Variables;
}

/** What the environment of a module depends on. */
export interface EnvironmentOptions {
  readonly module: string;
  readonly table: string | undefined;
  readonly sqs: SQS;
  readonly given: GivenVariables;
  readonly functionTimeoutMs: number;
}

/** A queue that a variable names. */
export interface NamedQueue {
  readonly use: "dead letters" | "retry queue" | "target";
  readonly name: string;
  readonly url: string;
}

/** The environment of a module. */
export interface ModuleEnvironment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Those that the run has set, without those that every process has, and the addresses of the engines of AWS. */
  readonly provided: Readonly<Record<string, string>>;
  readonly queues: readonly NamedQueue[];
  /** Names of variables that the module reads, and that have no value. */
  readonly unset: readonly string[];
}

/** `orders` of `src/orders.ts#orders`. Names of queues have letters, digits, hyphens and underscores only. */
export const baseOf = (module: string): string =>
  basename(module.split("#")[0] ?? "")
    .replace(/\.[^.]*$/, "")
    .replace(/[^\w-]/g, "-") || "pipeline";

/** The value of a variable, and the queue that was created for it. */
interface Provided {
  readonly value: string;
  readonly queue?: NamedQueue;
}

interface Created extends Provided {
  readonly queue: NamedQueue;
}

const nameOfQueue = (url: string): string => url.slice(url.lastIndexOf("/") + 1);

/** A queue that the user's own variable names: its address says nothing, but the variable's name does. */
const givenQueue = (name: string, value: string, base: string, engines: DevEngines): Provided | undefined => {
  const provision = provisionOf(name, base, engines);
  if (provision === undefined || !("resource" in provision) || provision.resource.kind !== "queue") return undefined;
  return { value, queue: { use: provision.resource.use, name: nameOfQueue(value), url: value } };
};

const endpointsOf = ({ dynamodb, sqs }: DevEngines): Readonly<Record<string, string>> => ({
  AWS_REGION: sqs.clientConfig.region,
  AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
  AWS_ENDPOINT_URL_SQS: sqs.endpoint,
});

/** What is known of the environments of a module. */
interface Environments extends EnvironmentOptions {
  /** Begins the names of resources. */
  readonly base: string;
  /** The resources, by their description. */
  readonly created: Map<string, Promise<Created>>;
}

/** What each variable of one load depends on. */
interface Load {
  readonly engines: DevEngines;
  /** Without a store that remembers deliveries, only FIFO targets discard repeats. */
  readonly isFifo: boolean;
}

const createNamedQueue = async (
  { sqs, functionTimeoutMs }: Environments,
  { name, use }: Pick<NamedQueue, "name" | "use">,
  isFifo: boolean,
): Promise<Created> => {
  const url = await createQueue(sqs, name, { isFifo, functionTimeoutMs });
  return { value: url, queue: { use, name: isFifo ? `${name}.fifo` : name, url } };
};

const createResource = async (all: Environments, resource: Resource, { engines, isFifo }: Load): Promise<Created> => {
  if (resource.kind === "queue") {
    // Routes that append need a FIFO queue for retries; others may have one.
    const { use } = resource;
    return createNamedQueue(all, resource, use === "retry queue" || (use === "target" && isFifo));
  }
  const { name } = resource;
  const { queue } = await createNamedQueue(all, { name: `${name}-messages`, use: "target" }, isFifo);
  return { value: await createTopic(all.sqs, engines.sqs, { name, isFifo }, queue.url), queue };
};

/** The value of a variable that is not set; undefined if only the user knows it. */
const provide = async (all: Environments, name: string, load: Load): Promise<Provided | undefined> => {
  const provision = provisionOf(name, all.base, load.engines);
  if (provision === undefined || "value" in provision) return provision;
  const id = JSON.stringify(provision.resource);
  const found = all.created.get(id) ?? createResource(all, provision.resource, load);
  all.created.set(id, found);
  found.catch(() => all.created.delete(id));
  return found;
};

type Values = Readonly<Record<string, string | undefined>>;

/** The variables of every process. */
const knownVariables = ({ inherited }: GivenVariables, engines: DevEngines): Values => ({
  ...inherited,
  ...safeVariables(engines),
  POWERTOOLS_LOG_LEVEL: inherited.POWERTOOLS_LOG_LEVEL ?? "WARN",
});

const tableOf = ({ table, given: { own, inherited }, base }: Environments): string =>
  table ?? own.SOURCE_TABLE ?? inherited.SOURCE_TABLE ?? base;

const addressesOf = ({ postgres, opensearch, smtp }: DevEngines): Values => ({
  DATABASE_URL: postgres?.url,
  OPENSEARCH_NODE: opensearch?.url,
  OPENSEARCH_URL: opensearch?.url,
  SMTP_URL: smtp?.url,
});

/** A variable that the module reads. */
interface ReadVariable {
  readonly name: string;
  readonly isSet: boolean;
  /** Undefined if nothing is known of it besides its own value. */
  readonly found: Provided | undefined;
}

const readVariable = async (all: Environments, name: string, values: Values, load: Load): Promise<ReadVariable> => {
  const value = values[name] ?? "";
  if (value === "") return { name, isSet: false, found: await provide(all, name, load) };
  return { name, isSet: true, found: givenQueue(name, value, all.base, load.engines) };
};

const readVariables = async (all: Environments, names: Iterable<string>, values: Values, load: Load) => {
  const read: ReadVariable[] = [];
  for (const name of names) read.push(await readVariable(all, name, values, load));
  return read;
};

const queuesIn = (read: readonly ReadVariable[]): readonly NamedQueue[] => {
  const queues = read.flatMap(({ found }) => (found?.queue ? [found.queue] : []));
  return [...new Map(queues.map((queue) => [queue.url, queue])).values()];
};

const valuesIn = (read: readonly ReadVariable[]): Readonly<Record<string, string>> =>
  Object.fromEntries(read.flatMap(({ name, isSet, found }) => (isSet || !found ? [] : [[name, found.value]])));

const environmentOf = async (
  all: Environments,
  { variables, packages }: ModuleGraph,
  engines: DevEngines,
): Promise<ModuleEnvironment> => {
  const { given } = all;
  const table = { SOURCE_TABLE: tableOf(all) };
  const known = { ...knownVariables(given, engines), ...table };
  const load: Load = { engines, isFifo: !packages.has("@sluice/dedupe-dynamodb") };
  const read = await readVariables(all, variables.read, { ...known, ...given.own }, load);
  const provided = { ...table, ...endpointsOf(engines), ...valuesIn(read) };
  const own = resolveReferences(given.own, { ...addressesOf(engines), ...known, ...provided });
  const missing = read.filter(({ name, isSet, found }) => !isSet && !found && !variables.withDefault.has(name));
  return {
    variables: { ...known, ...provided, ...own },
    provided,
    queues: queuesIn(read),
    unset: missing.map(({ name }) => name),
  };
};

/** Creates the environment of a module. Called each time that the module is loaded. */
export type EnvironmentFor = (graph: ModuleGraph, engines: DevEngines) => Promise<ModuleEnvironment>;

/** Creates the environments of a module, one for each time that it is loaded. A resource is created once. */
export const environmentsOf = (options: EnvironmentOptions): EnvironmentFor => {
  const all: Environments = { ...options, base: baseOf(options.module), created: new Map() };
  return (graph, engines) => environmentOf(all, graph, engines);
};
