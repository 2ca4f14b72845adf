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

/** Creates the environments of a module, one for each time that it is loaded. A resource is created once. */
export const environmentsOf = (options: EnvironmentOptions) => {
  const { module, sqs, given, functionTimeoutMs } = options;
  const base = baseOf(module);
  const created = new Map<string, Promise<Created>>();
  const queueOf = async (name: string, use: NamedQueue["use"], isFifo: boolean): Promise<Created> => {
    const url = await createQueue(sqs, name, { isFifo, functionTimeoutMs });
    return { value: url, queue: { use, name: isFifo ? `${name}.fifo` : name, url } };
  };
  const create = async (resource: Resource, engines: DevEngines, isFifo: boolean): Promise<Created> => {
    if (resource.kind === "queue") {
      // Routes that append need a FIFO queue for retries; others may have one.
      const { name, use } = resource;
      return queueOf(name, use, use === "retry queue" || (use === "target" && isFifo));
    }
    const { queue } = await queueOf(`${resource.name}-messages`, "target", isFifo);
    return { value: await createTopic(sqs, engines.sqs, { name: resource.name, isFifo }, queue.url), queue };
  };
  const provide = async (name: string, engines: DevEngines, isFifo: boolean): Promise<Provided | undefined> => {
    const provision = provisionOf(name, base, engines);
    if (provision === undefined || "value" in provision) return provision;
    const id = JSON.stringify(provision.resource);
    const found = created.get(id) ?? create(provision.resource, engines, isFifo);
    created.set(id, found);
    found.catch(() => created.delete(id));
    return found;
  };
  return async ({ variables, packages }: ModuleGraph, engines: DevEngines): Promise<ModuleEnvironment> => {
    // Without a store that remembers deliveries, only FIFO targets discard repeats.
    const isFifo = !packages.has("@sluice/dedupe-dynamodb");
    const table = options.table ?? given.own.SOURCE_TABLE ?? given.inherited.SOURCE_TABLE ?? base;
    const known: Record<string, string | undefined> = {
      ...given.inherited,
      ...safeVariables(engines),
      POWERTOOLS_LOG_LEVEL: given.inherited.POWERTOOLS_LOG_LEVEL ?? "WARN",
      SOURCE_TABLE: table,
    };
    const queues = new Map<string, NamedQueue>();
    const unset: string[] = [];
    const provided: Record<string, string> = { SOURCE_TABLE: table, ...endpointsOf(engines) };
    for (const name of variables.read) {
      const own = given.own[name] ?? known[name] ?? "";
      const found = own === "" ? await provide(name, engines, isFifo) : givenQueue(name, own, base, engines);
      if (found?.queue) queues.set(found.queue.url, found.queue);
      if (own !== "") continue;
      if (found !== undefined) provided[name] = found.value;
      else if (!variables.withDefault.has(name)) unset.push(name);
    }
    Object.assign(known, provided);
    const engineVariables = {
      DATABASE_URL: engines.postgres?.url,
      OPENSEARCH_NODE: engines.opensearch?.url,
      OPENSEARCH_URL: engines.opensearch?.url,
      SMTP_URL: engines.smtp?.url,
    };
    const own = resolveReferences(given.own, { ...engineVariables, ...known });
    return { variables: { ...known, ...own }, provided, queues: [...queues.values()], unset };
  };
};
