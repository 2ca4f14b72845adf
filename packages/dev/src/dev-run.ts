// A pipeline that runs on this machine: engines, table, stream, queues, and a process with the user's module.

import type { InvocationReport } from "@sluice/core";
import type { QueueDepth } from "@sluice/core/envelope";
import type { DeliveryReport } from "@sluice/core/metrics";
import type { Image } from "@sluice/core/sink-kit";
import type { DevQueue, DevRoute, TableKey } from "./worker/messages.ts";

/** Options of `startDev`. */
export interface DevOptions {
  /** Paths of modules that export pipelines: `orders.ts`, or `orders.ts#orders`. Each runs in a process of its own. */
  readonly modules: readonly string[];
  /** The program of these processes. It calls `serveWorker`. */
  readonly worker: URL;
  /** Called with each line for people. */
  readonly onLine: (line: string) => void;
  /** Name of the source table. Default: the option `source` of the pipeline, or the name of the module. */
  readonly table?: string | undefined;
  /** The key of a source table that does not exist yet. Default: the attributes that the seed tells, or `id`, a text. */
  readonly key?: TableKey | undefined;
  /** A file with the items that the table gets: JSON or NDJSON. */
  readonly seed?: string | undefined;
  /** Files with variables, and variables, for the modules. Values may refer to others: `$DATABASE_URL`. */
  readonly envFiles?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The folder into which methods of the worker program write. Default `.sluice` in the working directory. */
  readonly directory?: string | undefined;
  /** Time limit of an invocation, in milliseconds. Default 30,000. */
  readonly functionTimeoutMs?: number | undefined;
  /** Aborts: the start is given up. */
  readonly signal?: AbortSignal | undefined;
}

/** A pipeline that runs on this machine. */
export interface DevPipeline {
  /** The path that the user gave. */
  readonly module: string;
  /** Until the module is loaded for the first time, the name of the module. */
  readonly name: string;
  readonly table: string;
  readonly keyNames: readonly string[];
  readonly keyTypes: Readonly<Record<string, "S" | "N" | "B">>;
  readonly routes: readonly DevRoute[];
  /** The variables of the module that the run has set, and the addresses of the engines of AWS. */
  readonly environment: Readonly<Record<string, string>>;
  readonly status: "starting" | "running" | "restarting" | "broken";
  /** Only if broken or restarting. */
  readonly reason?: string;
  /** When the status began, in milliseconds since the epoch. */
  readonly since: number;
}

/** The report of a delivery, with the key of the item. */
export type KeyedDelivery = DeliveryReport & { readonly keys: Image | undefined; readonly at: number };

/** What the process of a pipeline reports. */
export interface DevReports {
  readonly pipeline: string;
  readonly deliveries: readonly KeyedDelivery[];
  readonly invocations: readonly InvocationReport[];
}

/** A call of a method in the process of a pipeline. */
export interface DevCall {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: unknown) => void;
}

/** An engine, with commands to copy and paste. */
export interface DevEngine {
  readonly name: string;
  /** Address without a password. */
  readonly address: string;
  readonly lines: readonly { readonly label: string; readonly command: string }[];
}

/** Pipelines that run on this machine, until `stop`. */
export interface DevRun {
  readonly pipelines: () => readonly DevPipeline[];
  readonly queues: () => readonly DevQueue[];
  /** Asks SQS. */
  readonly depthOf: (queueUrl: string) => Promise<QueueDepth>;
  readonly engines: () => readonly DevEngine[];
  /** Calls the listener when `pipelines` has changed. */
  readonly onChange: (listener: () => void) => () => void;
  readonly onReports: (listener: (reports: DevReports) => void) => () => void;
  /** Calls a method of the worker program, with plain JSON, in the process that has the pipeline. */
  readonly call: (pipeline: string, method: string, input: unknown, call: DevCall) => Promise<unknown>;
  /** Writes the items of the file of the option `seed` into the table. Returns their number; 0 without a seed. */
  readonly seed: (onProgress: (done: number, total: number) => void) => Promise<number>;
  readonly stop: () => Promise<void>;
}
