// Sends dead letters to the pipeline's function in redrive events. The function sends each to the sink that failed.

import type { LazyClient } from "@sluice/core/sink-kit";
import {
  FunctionFailedError,
  invokeFunction,
  type LambdaClient,
  lambdaService,
  type MessageOrder,
  type RedriveResult,
  redriveEngine,
  UnexpectedAnswerError,
} from "@sluice/redrive";
import { bodyOf, type DeadLetterWithRecord, orderOf } from "./dead-letter.ts";
import { interruption, RedriveInterruptedError } from "./errors.ts";
import type { Finish, MessageResult } from "./message-result.ts";

/** The pipeline's function. */
export interface PipelineFunction {
  readonly name: string;
  readonly connection: LazyClient<LambdaClient>;
}

/** Sends dead letters. */
export type SendDeadLetters = (deadLetters: readonly DeadLetterWithRecord[]) => Promise<void>;

interface OrderedDeadLetter extends MessageOrder {
  readonly deadLetter: DeadLetterWithRecord;
}

/** Converts the engine's results. Messages that were held back count as left. Other unsent messages get no result. */
const resultsOf = (results: ReadonlyMap<OrderedDeadLetter, RedriveResult>): MessageResult[] =>
  [...results].flatMap(([{ deadLetter }, { outcome, stays, code, reason = "" }]): MessageResult[] => {
    if (outcome === "unsent" && code === undefined) return [];
    if (stays || outcome === "unsent") return [{ deadLetter, code: code ?? outcome, reason }];
    // If a failed message does not stay, the pipeline has sent its records to a queue in new messages.
    return [{ deadLetter, outcome: outcome === "rejected" || outcome === "retried" ? "moved" : outcome }];
  });

/**
 * Creates the function that sends the dead letters of one batch. After each request, the messages of the request are
 * passed to `finish`. `newSignal` returns a signal that aborts a call shortly before the invocation's time is over.
 * @throws {BrokenFunctionError} after too many failed requests in a row; {RedriveThrottledError} and
 * {RedriveInterruptedError} when a call was refused or not answered. Unfinished messages stay in the queue, unchanged.
 */
export const deadLetterSender = (
  { name, connection }: PipelineFunction,
  finish: Finish,
  newSignal: () => AbortSignal,
): SendDeadLetters => {
  const engine = redriveEngine<OrderedDeadLetter>({
    invoke: async (event) => {
      const client = await connection.get();
      return invokeFunction(client, name, event, newSignal()).catch((error: unknown) => {
        throw error instanceof FunctionFailedError ? error : interruption(lambdaService, error);
      });
    },
    recordOf: ({ deadLetter }) => ({
      messageId: deadLetter.message.id,
      body: bodyOf(deadLetter),
      attributes: { ApproximateReceiveCount: deadLetter.message.receiveCount },
    }),
    onResults: (results) => finish(resultsOf(results)),
  });
  return async (deadLetters) => {
    const ordered = deadLetters.map((deadLetter) => ({ ...orderOf(deadLetter), deadLetter }));
    await engine.send(ordered).catch((error: unknown) => {
      if (!(error instanceof UnexpectedAnswerError)) throw error;
      throw new RedriveInterruptedError("REDRIVE_INTERRUPTED", `${name}: ${error.message}`, { cause: error });
    });
  };
};
