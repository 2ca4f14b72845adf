// A pipeline that runs on this machine: engines, table, stream, queues, and a process with the user's module.

import type { InvocationReport } from "@sluice/core";
import type { DeliveryReport } from "@sluice/core/metrics";
import type { Image } from "@sluice/core/sink-kit";

/** Options of `startDev`. */
export interface DevOptions {
  /** Paths of modules that export pipelines: `orders.ts`, or `orders.ts#orders`. Each runs in a process of its own. */
  readonly modules: readonly string[];
  /** The program of these processes. It calls `serveWorker`. */
  readonly worker: URL;
  readonly onLine: (line: string) => void;
}

/** A pipeline that runs on this machine. */
export interface DevPipeline {
  /** The path that the user gave. */
  readonly module: string;
  readonly name: string;
  readonly table: string;
  readonly keyNames: readonly string[];
  readonly routes: readonly {
    readonly name: string;
    readonly sink: string;
    readonly writes: "upsert" | "append";
    readonly isReadable: boolean;
  }[];
  readonly status: "starting" | "running" | "restarting" | "broken";
  readonly reason?: string;
  readonly since: number;
}

/** What the process of a pipeline reports. */
export interface DevReports {
  readonly pipeline: string;
  readonly deliveries: readonly (DeliveryReport & { readonly keys: Image | undefined; readonly at: number })[];
  readonly invocations: readonly InvocationReport[];
}

/** A call of a method in the process of a pipeline. */
export interface DevCall {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: unknown) => void;
}

/** Pipelines that run on this machine, until `stop`. */
export interface DevRun {
  readonly pipelines: () => readonly DevPipeline[];
  readonly queues: readonly {
    readonly pipeline: string;
    readonly kind: "retry queue" | "dead letters" | "on-failure destination";
    readonly name: string;
    readonly url: string;
  }[];
  readonly engines: readonly {
    readonly name: string;
    readonly address: string;
    readonly lines: readonly { readonly label: string; readonly command: string }[];
  }[];
  /** Calls the listener when `pipelines` has changed. */
  readonly onChange: (listener: () => void) => () => void;
  readonly onReports: (listener: (reports: DevReports) => void) => () => void;
  /** Calls a method of the worker program, with plain JSON, in the process that has the pipeline. */
  readonly call: (pipeline: string, method: string, input: unknown, call: DevCall) => Promise<unknown>;
  readonly stop: () => Promise<void>;
}

/** Starts engines and pipelines. */
export const startDev = (_: DevOptions): Promise<DevRun> => Promise.reject(new Error("not built"));
