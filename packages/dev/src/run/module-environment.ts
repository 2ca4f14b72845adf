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
  readonly queues: readonly NamedQueue[];
  /** Names of variables that the module reads, and that have no value. */
  readonly unset: readonly string[];
}

/** `orders` of `src/orders.ts#orders`. Names of queues have letters, digits, hyphens and underscores only. */
export const baseOf = (module: string): string =>
  basename(module.split("#")[0] ?? "")
    .replace(/\.[^.]*$/, "")
    .replace(/[^\w-]/g, "-") || "pipeline";

/** Sinks that append need an order between the retries of an item. */
const appendSinks = ["sns", "sqs", "email", "webhook", "eventbridge"].map((name) => `@sluice/sink-${name}`);

/** The value of a variable, and the queue that was created for it. */
interface Provided {
  readonly value: string;
  readonly queue?: NamedQueue;
}

interface Created extends Provided {
  readonly queue: NamedQueue;
}

/** Creates the environments of a module, one for each time that it is loaded. A resource is created once. */
export const environmentsOf = (options: EnvironmentOptions) => {
  const { module, sqs, given, functionTimeoutMs } = options;
  const base = baseOf(module);
  const created = new Map<string, Promise<Created>>();
  const queueOf = async (name: string, use: NamedQueue["use"], isFifo: boolean): Promise<Created> => {
    const url = await createQueue(sqs, name, { isFifo, functionTimeoutMs });
    return { value: url, queue: { use, name: isFifo ? `${name}.fifo` : name, url } };
  };
  const create = async (resource: Resource, engines: DevEngines, isAppend: boolean) => {
    if (resource.kind === "queue") {
      return queueOf(resource.name, resource.use, resource.use === "retry queue" && isAppend);
    }
    const { queue } = await queueOf(`${resource.name}-messages`, "target", false);
    return { value: await createTopic(sqs, engines.sqs, resource.name, queue.url), queue };
  };
  const provide = async (name: string, engines: DevEngines, isAppend: boolean): Promise<Provided | undefined> => {
    const provision = provisionOf(name, base, engines);
    if (provision === undefined || "value" in provision) return provision;
    const id = JSON.stringify(provision.resource);
    const found = created.get(id) ?? create(provision.resource, engines, isAppend);
    created.set(id, found);
    return found;
  };
  return async ({ variables, packages }: ModuleGraph, engines: DevEngines): Promise<ModuleEnvironment> => {
    const isAppend = appendSinks.some((name) => packages.has(name));
    const table = options.table ?? given.own.SOURCE_TABLE ?? given.inherited.SOURCE_TABLE ?? base;
    const known: Record<string, string | undefined> = {
      ...given.inherited,
      ...safeVariables(engines),
      POWERTOOLS_LOG_LEVEL: given.inherited.POWERTOOLS_LOG_LEVEL ?? "WARN",
      SOURCE_TABLE: table,
    };
    const queues = new Map<string, NamedQueue>();
    const unset: string[] = [];
    for (const name of variables.read) {
      if ((known[name] ?? "") !== "" || name in given.own) continue;
      const found = await provide(name, engines, isAppend);
      if (found !== undefined) known[name] = found.value;
      else if (!variables.withDefault.has(name)) unset.push(name);
      if (found?.queue) queues.set(found.queue.url, found.queue);
    }
    const engineVariables = {
      DATABASE_URL: engines.postgres?.url,
      OPENSEARCH_NODE: engines.opensearch?.url,
      OPENSEARCH_URL: engines.opensearch?.url,
      SMTP_URL: engines.smtp?.url,
    };
    const own = resolveReferences(given.own, { ...engineVariables, ...known });
    return { variables: { ...known, ...own }, queues: [...queues.values()], unset };
  };
};
