// The function of the state "Inspect the queue". Reads the queue's depth, and counts sample messages by sink and code.

import type { QueueDepth } from "@sluice/core/envelope";
import { checkOptionNames, checkWhole, type InvocationContext, type PipelineLogger } from "@sluice/core/sink-kit";
import { addCount, type CountsBySink } from "./counts-by-sink.ts";
import { deadLetterIn, sinkOf } from "./dead-letter.ts";
import { checkClients, consoleLogger } from "./environment.ts";
import { noProgress, type Progress } from "./progress.ts";
import { openQueue, type QueueOptions, type RedriveQueue } from "./queue.ts";
import { type RunSettings, settingsFor } from "./settings.ts";

/** Options of the function. If an option names a variable, you can set that environment variable instead. */
export interface InspectionOptions extends QueueOptions {
  /** Number of messages in the sample, which are received and then released. Default 100. 0 means no sample. */
  readonly sampleSize?: number;
  /** Seconds to wait for the sample's first message. Default 5. */
  readonly pollSeconds?: number;
}

/** The event that the state machine sends. */
export interface InspectionEvent {
  readonly settings: RunSettings;
  /** The execution's input. */
  readonly input: unknown;
}

/** The content of the queue, and the settings of the run. */
export interface Inspection {
  readonly isEmpty: boolean;
  readonly depth: QueueDepth;
  readonly sample: { readonly size: number; readonly counts: CountsBySink };
  /** Settings of the state machine, with the changes that the execution's input makes. */
  readonly settings: RunSettings;
}

/** The function of the state "Inspect the queue". */
export type InspectionHandler = (
  event: InspectionEvent,
  context?: InvocationContext,
) => Promise<{ readonly inspection: Inspection; readonly progress: Progress }>;

/** Visibility timeout in seconds: if the release fails, the sample's messages become visible after this time. */
const visibilityTimeout = 30;

const sampleOf = async (queue: RedriveQueue, maxMessages: number, waitSeconds: number, logger: PipelineLogger) => {
  if (maxMessages === 0) return { size: 0, counts: {} };
  const messages = await queue.receive({ maxMessages, visibilityTimeout, waitSeconds });
  const { errors } = await queue.release(messages);
  if (errors.length > 0) {
    logger.warn("the sample could not be released: it is visible again in 30 s", { first: String(errors[0]) });
  }
  let counts: CountsBySink = {};
  for (const deadLetter of messages.map(deadLetterIn)) {
    counts = addCount(counts, sinkOf(deadLetter), deadLetter.envelope?.code ?? "-");
  }
  return { size: messages.length, counts };
};

/**
 * Creates the function of the state "Inspect the queue". `inspectionHandler` itself makes no request.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong or missing.
 */
export const inspectionHandler = (options: InspectionOptions = {}): InspectionHandler => {
  checkOptionNames("inspectionHandler", options, {
    queueUrl: true,
    sampleSize: true,
    pollSeconds: true,
    logger: true,
    clients: true,
  });
  checkClients("inspectionHandler", options.clients);
  const { sampleSize = 100, pollSeconds = 5, logger = consoleLogger } = options;
  checkWhole("sampleSize", sampleSize, [0, 1_000]);
  checkWhole("pollSeconds", pollSeconds, [0, 20]);
  const queue = openQueue(options);
  return async ({ settings, input }) => {
    const merged = settingsFor(settings, input);
    const depth = await queue.depth();
    const sample = await sampleOf(queue, sampleSize, pollSeconds, logger);
    const isEmpty = depth.visible === 0 && sample.size === 0;
    return { inspection: { isEmpty, depth, sample, settings: merged }, progress: noProgress };
  };
};
