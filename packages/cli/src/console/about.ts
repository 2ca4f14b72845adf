// What the console of a deployment is about, and what its page may do.

import type { Abilities, About, PipelineAbout, QueueAbout, RouteAbout, RunKind } from "@sluice/console";
import { knownValue } from "@sluice/inspect";
import type { AwsOptions } from "../aws/clients.ts";
import type { PipelineModule } from "../pipeline-module/pipeline-module.ts";
import type { Deployment } from "./discovery.ts";
import { enginesOf } from "./engines.ts";
import type { ConsoleRights } from "./options.ts";

/** What the user named. */
export interface ConsoleSubject {
  readonly functionName: string;
  readonly module: PipelineModule | undefined;
  readonly modulePath: string | undefined;
  readonly rights: ConsoleRights;
  readonly aws: AwsOptions;
  /** Version of Sluice. */
  readonly version: string;
}

/** The pipeline's name. Only its module and its dead letters tell it. */
export const pipelineName = ({ module, functionName }: ConsoleSubject): string => module?.pipeline.name ?? functionName;

const runsOf = (rights: ConsoleRights, knowsItems: boolean): readonly RunKind[] => [
  ...(rights === "read" ? [] : (["redrive"] as const)),
  ...(knowsItems ? (["verify"] as const) : []),
  ...(knowsItems && rights === "write" ? (["backfill"] as const) : []),
];

/** What the page may do. Items are known only with the pipeline's module, which says what each target holds. */
export const abilitiesOf = ({ module, rights }: ConsoleSubject, hasTable: boolean): Abilities => {
  const knowsItems = module !== undefined && hasTable;
  return {
    changes: false,
    item: knowsItems,
    redrive: rights !== "read",
    editDeadLetter: rights === "write",
    dropDeadLetters: rights === "write",
    runs: runsOf(rights, knowsItems),
    ...(rights !== "write" && { onlyCompares: true }),
    doctor: true,
  };
};

const knownRoutes = ({ pipeline }: PipelineModule): readonly RouteAbout[] =>
  pipeline.routes.map(({ name, sink }) => ({
    name,
    sink: sink.name,
    writes: sink.supports.writes,
    isReadable: sink.read !== undefined,
  }));

/** A route of which only the name is known, from its metrics. */
const metricRoute = (name: string): RouteAbout => ({
  name,
  sink: undefined,
  writes: undefined,
  isReadable: false,
});

const pipelineAbout = (subject: ConsoleSubject, { table, metricRoutes }: Deployment): PipelineAbout => ({
  name: pipelineName(subject),
  table: table?.name,
  keyNames: table?.keyNames ?? [],
  routes:
    subject.module === undefined ? (knownValue(metricRoutes) ?? []).map(metricRoute) : knownRoutes(subject.module),
});

/** What the console is about. Keys of a deployment are hidden until a click, because they may be names of customers. */
export const aboutOf = (subject: ConsoleSubject, deployment: Deployment, queues: readonly QueueAbout[]): About => ({
  mode: "deployment",
  title: deployment.facts.function.name,
  version: subject.version,
  pipelines: [pipelineAbout(subject, deployment)],
  queues,
  engines: enginesOf({ ...subject, module: subject.modulePath, deployment, queues }),
  can: abilitiesOf(subject, deployment.table !== undefined),
  hidesKeys: true,
});
