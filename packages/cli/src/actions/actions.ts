// The actions of the console: what the commands do, as functions from plain JSON to plain JSON.

import type { ConsoleHost, QueueAbout } from "@sluice/console";
import type { AwsOptions } from "../aws/clients.ts";
import type { PipelineModule } from "../pipeline-module/pipeline-module.ts";

/** What actions work on. */
export interface ActionPlace {
  /** The user's module. Without it, items cannot be read and runs cannot compare. */
  readonly module: PipelineModule | undefined;
  /** Path of the module, for command lines. */
  readonly modulePath: string | undefined;
  /** Name or ARN of the source table. */
  readonly table: string | undefined;
  /** The function that redrives and repairs; undefined: the pipeline in this process. */
  readonly functionName: string | undefined;
  readonly queues: readonly QueueAbout[];
  readonly aws: AwsOptions;
  /** The folder into which dropped dead letters and states of runs are written. */
  readonly directory: string;
}

/** The actions. */
export type Actions = Pick<
  ConsoleHost,
  | "item"
  | "itemValues"
  | "deadLetters"
  | "deadLetter"
  | "editDeadLetter"
  | "exportDeadLetters"
  | "dropDeadLetters"
  | "run"
  | "commandOf"
  | "doctor"
>;

/** Creates the actions of a place. */
export const actionsOf = (_: ActionPlace): Actions => {
  throw new Error("not built");
};
