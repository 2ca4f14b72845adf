// What the console is about: the pipelines, their routes, queues and engines, and what the page may do with them.

import type { RunKind } from "./runs.ts";

/** A route of a pipeline. */
export interface RouteAbout {
  readonly name: string;
  /** Name of the sink, such as `postgres`. Undefined if only the route's metrics are known. */
  readonly sink: string | undefined;
  /** Undefined if only the route's metrics are known. */
  readonly writes: "upsert" | "append" | undefined;
  /** Whether the copies of items can be read, so that items can be compared and verified. */
  readonly isReadable: boolean;
}

/** A pipeline. In a console of a deployment without a module, the routes are those of its metrics. */
export interface PipelineAbout {
  readonly name: string;
  /** Name of the source table; undefined if it is unknown. */
  readonly table: string | undefined;
  readonly keyNames: readonly string[];
  /** Types of the key attributes by name, if the table is known. The page asks for the others. */
  readonly keyTypes?: Readonly<Record<string, "S" | "N" | "B">>;
  readonly routes: readonly RouteAbout[];
}

/** A command that works on an engine, to copy and paste: `psql postgres://…`. */
export interface PasteLine {
  readonly label: string;
  readonly command: string;
}

/** An engine, or a service of AWS. */
export interface EngineAbout {
  readonly name: string;
  /** Address without a password. */
  readonly address: string;
  readonly lines: readonly PasteLine[];
}

/** What a queue is to its pipeline. */
export type ConsoleQueueKind = "retry queue" | "dead letters" | "on-failure destination";

/** A queue of a pipeline. */
export interface QueueAbout {
  readonly pipeline: string;
  readonly kind: ConsoleQueueKind;
  readonly name: string;
  readonly url: string;
}

/** What the page may do. What it may not do is not shown, or says why. */
export interface Abilities {
  /** Every change is seen as it happens. */
  readonly changes: boolean;
  readonly item: boolean;
  /** Deliveries may be sent: by a redrive, or by the repairs of a verification. */
  readonly redrive: boolean;
  readonly editDeadLetter: boolean;
  readonly dropDeadLetters: boolean;
  /** Kinds of runs. A redrive needs only `redrive`. */
  readonly runs: readonly RunKind[];
  /** Only if a verification may compare, and not repair. */
  readonly onlyCompares?: true;
  readonly doctor: boolean;
}

/** The answer of `GET /api/about`. */
export interface About {
  readonly mode: "dev" | "deployment";
  /** `orders.ts`, or the name of the function. */
  readonly title: string;
  /** Version of Sluice. */
  readonly version: string;
  readonly pipelines: readonly PipelineAbout[];
  readonly queues: readonly QueueAbout[];
  readonly engines: readonly EngineAbout[];
  readonly can: Abilities;
  /** Whether keys are hidden until a click, as values always are. */
  readonly hidesKeys: boolean;
}
