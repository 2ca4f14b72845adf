// What actions work on, and the checks that a question is about it.

import type { QueueAbout } from "@sluice/console";
import type { AwsOptions } from "../aws/clients.ts";
import type { PayloadPlace } from "../aws/payloads.ts";
import type { PipelineModule } from "../pipeline-module/pipeline-module.ts";
import { ActionError } from "./action-error.ts";
import type { QueueTurns } from "./queue-turns.ts";

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
  /**
   * Where the pipeline stores large records. Default: the store of the module's pipeline. Without one, records in S3 are
   * neither read nor deleted.
   */
  readonly payloadStore?: PayloadPlace | undefined;
  readonly aws: AwsOptions;
  /** Variables that the command lines name, such as the endpoints of engines. Without credentials. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** The folder into which dropped dead letters and states of runs are written. */
  readonly directory: string;
}

/** A place whose actions take turns at its queues. */
export interface OpenPlace extends ActionPlace {
  readonly turns: QueueTurns;
}

/** A place with a module and a table. */
export interface PlaceOfItems extends ActionPlace {
  readonly module: PipelineModule;
  readonly table: string;
}

/** Returns the queue with this address. @throws {ActionError} for a queue of another pipeline: a page may ask for any */
export const queueAt = ({ queues }: ActionPlace, url: string): QueueAbout => {
  const found = queues.find((queue) => queue.url === url);
  if (found !== undefined) return found;
  throw new ActionError(
    "QUEUE_UNKNOWN",
    "the address is of no queue of the pipeline; expected one that the console shows",
  );
};

/** Returns the place if it has the pipeline and its table. @throws {ActionError} if something is missing */
export const placeOfItems = (place: ActionPlace, pipeline: string): PlaceOfItems => {
  const { module, table } = place;
  if (module === undefined) {
    throw new ActionError(
      "MODULE_MISSING",
      "the pipeline's module is not known; expected the console to be started with it",
    );
  }
  if (module.pipeline.name !== pipeline) {
    throw new ActionError("PIPELINE_UNKNOWN", `there is no such pipeline; expected ${module.pipeline.name}`);
  }
  if (table === undefined) {
    throw new ActionError(
      "MODULE_MISSING",
      "the pipeline's table is not known; expected the console to be started with it",
    );
  }
  return { ...place, module, table };
};

/** Addresses of a pipeline's queues of one kind. */
export const queuesOf = ({ queues }: ActionPlace, pipeline: string, kind: QueueAbout["kind"]): readonly string[] =>
  queues.filter((queue) => queue.pipeline === pipeline && queue.kind === kind).map(({ url }) => url);
