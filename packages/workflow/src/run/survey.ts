// The function that looks at the queue before anything is done: how much is in it, and a sample by sink and code.

import { checkWhole, type InvocationContext, type PipelineLogger } from "@sluice/core/sink-kit";
import { consoleLogger, requiredUrl } from "./environment.ts";
import { letterOf, sinkOf } from "./dead-letter.ts";
import { noProgress, type Progress } from "./progress.ts";
import { type Depth, openQueue, type Queue, type QueueClient } from "./queue.ts";
import { type Settings, settingsFor } from "./settings.ts";
import { type Tally, tallied } from "./counts-by-sink.ts";

/** Options of the survey's function. Those with a variable may come from the environment instead. */
export interface SurveyOptions {
  /** The dead-letter queue. `SLUICE_DEAD_LETTER_QUEUE_URL`. */
  readonly queueUrl?: string;
  /** Messages to look at. Each is received once, and given back. Default 100; 0: none. */
  readonly sampleSize?: number;
  /** Seconds to wait for a message. Default 5. */
  readonly pollSeconds?: number;
  /** Default: lines of JSON on the console. */
  readonly logger?: PipelineLogger;
  readonly clients?: { readonly sqs?: QueueClient };
}

/** What the state machine calls the function with. */
export interface SurveyEvent {
  readonly settings: Settings;
  /** The execution's input. */
  readonly input: unknown;
}

/** What is in the queue. */
export interface Survey {
  readonly isEmpty: boolean;
  readonly depth: Depth;
  readonly sample: { readonly size: number; readonly found: Tally };
  /** Of the state machine, with those of the execution's input. */
  readonly settings: Settings;
}

/** The function of the state "Survey". */
export type SurveyHandler = (
  event: SurveyEvent,
  context?: InvocationContext,
) => Promise<{ readonly survey: Survey; readonly progress: Progress }>;

/** For how long nobody else sees the sample, where it cannot be given back. */
const hideSeconds = 30;

const sampleOf = async (queue: Queue, count: number, waitSeconds: number, logger: PipelineLogger) => {
  if (count === 0) return { size: 0, found: {} };
  const messages = await queue.receive({ count, hideSeconds, waitSeconds });
  const { errors } = await queue.release(messages);
  if (errors.length > 0) logger.warn("sample not given back, it comes back by itself", { first: String(errors[0]) });
  let found: Tally = {};
  for (const letter of messages.map(letterOf)) found = tallied(found, sinkOf(letter), letter.envelope?.code ?? "-");
  return { size: messages.length, found };
};

/**
 * The function of the state "Survey". Does no I/O before it is called.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong or missing, by name.
 */
export const surveyHandler = (options: SurveyOptions = {}): SurveyHandler => {
  const { sampleSize = 100, pollSeconds = 5, logger = consoleLogger, clients = {} } = options;
  checkWhole("sampleSize", sampleSize, [0, 1_000]);
  checkWhole("pollSeconds", pollSeconds, [0, 20]);
  const queueUrl = requiredUrl("queueUrl", options.queueUrl, "SLUICE_DEAD_LETTER_QUEUE_URL");
  const queue = openQueue(queueUrl, clients.sqs);
  return async ({ settings, input }) => {
    const merged = settingsFor(settings, input);
    const depth = await queue.depth();
    const sample = await sampleOf(queue, sampleSize, pollSeconds, logger);
    const isEmpty = depth.visible === 0 && sample.size === 0;
    return { survey: { isEmpty, depth, sample, settings: merged }, progress: noProgress };
  };
};
