// What the command and the process of a pipeline say to each other. Everything is plain JSON.

import type { DevRoute } from "../dev-run.ts";

/** What a process is asked to do. */
export type WorkerTask = "load" | "prepare" | "invoke" | "call";

/** A message to the process. */
export type ToWorker =
  | { readonly type: "ask"; readonly id: number; readonly task: WorkerTask; readonly input: unknown }
  | { readonly type: "abort"; readonly id: number };

/** A message from the process. */
export type FromWorker =
  | { readonly type: "answer"; readonly id: number; readonly value: unknown }
  | { readonly type: "error"; readonly id: number; readonly error: WorkerError }
  | { readonly type: "progress"; readonly id: number; readonly progress: unknown }
  | { readonly type: "reports"; readonly reports: unknown };

/** An error on its way between two processes. */
export interface WorkerError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
}

/** What a process says of its module, once it is loaded. */
export interface LoadedModule {
  readonly name: string;
  /** The tables that the pipeline replicates, if its option `source` names them. */
  readonly tables: readonly string[];
  readonly routes: readonly DevRoute[];
}

/** Where the pipeline of a process finds its table and queues. */
export interface WorkerPlace {
  readonly module: string;
  readonly pipeline: string;
  readonly table: string;
  readonly key: TableKey;
  readonly queues: readonly DevQueue[];
  /** A folder for the files that methods write. */
  readonly directory: string;
}

/** A queue of a pipeline. */
export interface DevQueue {
  readonly pipeline: string;
  readonly kind: "retry queue" | "dead letters" | "on-failure destination";
  readonly name: string;
  readonly url: string;
}

/** An attribute of a table's key. */
export interface KeyAttribute {
  readonly name: string;
  readonly type: "S" | "N" | "B";
}

/** The key of a table: the partition key, and the sort key if there is one. */
export type TableKey = readonly [KeyAttribute, KeyAttribute?];

/** An invocation of the handler. */
export interface InvokeInput {
  readonly event: unknown;
  readonly requestId: string;
  readonly functionName: string;
  /** When the invocation times out, in milliseconds since the epoch. */
  readonly deadline: number;
}
