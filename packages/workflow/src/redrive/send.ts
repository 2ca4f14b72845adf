// Sends dead letters to the pipeline's function as a redrive task: each goes to the sink that failed, through the same guard.

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

/** Messages that were not sent get no result, so that they are released. Messages that are held back count as left. */
const resultsOf = (results: ReadonlyMap<OrderedDeadLetter, RedriveResult>): MessageResult[] =>
  [...results].flatMap(([{ deadLetter }, { outcome, stays, code, reason = "" }]): MessageResult[] => {
    if (outcome === "unsent" && code === undefined) return [];
    if (stays || outcome === "unsent") return [{ deadLetter, code: code ?? outcome, reason }];
    // If a failed message does not stay, its records are in other messages now.
    return [{ deadLetter, outcome: outcome === "rejected" || outcome === "retried" ? "moved" : outcome }];
  });

/**
 * Creates the function that sends the dead letters of one batch. It finishes the messages of each request before it
 * sends the next. `newSignal` aborts a call when the invocation has no time left for it.
 * @throws {BrokenFunctionError} after too many failed requests in a row; {RedriveThrottledError} and
 * {RedriveInterruptedError} when the function was not called. Messages without a result are in the queue, unchanged.
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
