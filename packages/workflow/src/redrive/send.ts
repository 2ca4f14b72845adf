// Sends letters through the pipeline's function, as a task: it delivers each to the one route that failed, through the
// same guard, and answers what became of it. What it does not answer for stays in the queue.

import type { BatchResponse } from "@sluice/core";
import type { MessageOutcome } from "@sluice/core/envelope";
import { chunk, type LazyClient } from "@sluice/core/sink-kit";
import type { Conclude, Concluded } from "./message-result.ts";
import { BrokenPipelineError, codeOf, interruption, RedriveInterruptedError } from "../run/errors.ts";
import { call, type LambdaClient, lambda, maxPayloadBytes } from "../../../redrive/src/lambda.ts";
import { bodyOf, type Letter } from "../run/dead-letter.ts";

/** The pipeline's function. */
export interface PipelineFunction {
  readonly name: string;
  readonly connection: LazyClient<LambdaClient>;
}

/** A poison letter at the head of a hundred costs seven failures, two of them fourteen at the most. */
const maxFailuresInARow = 16;

/** The request's record of a letter, as an SQS event has it. */
const recordOf = (letter: Letter) => ({
  messageId: letter.message.id,
  body: bodyOf(letter),
  attributes: { ApproximateReceiveCount: letter.message.receiveCount },
});

const sizeOf = (letter: Letter): number => Buffer.byteLength(JSON.stringify(recordOf(letter))) + 1;

type TaskAnswer = Required<BatchResponse>;

const isAnswer = (value: unknown): value is TaskAnswer => {
  const { batchItemFailures, outcomes } = (value ?? {}) as Partial<TaskAnswer>;
  return Array.isArray(batchItemFailures) && Array.isArray(outcomes);
};

const leftLetter = (letter: Letter, { code, message }: Partial<MessageOutcome>): Concluded => ({
  letter,
  code: code ?? "UNANSWERED",
  reason: message ?? "the pipeline's function said nothing of this message",
});

/** `rejected` or `retried`, and yet not to come again: its records are in messages of their own now. */
const settledBy = ({ outcome }: MessageOutcome) =>
  outcome === "rejected" || outcome === "retried" ? "moved" : outcome;

const concludedBy = (letters: readonly Letter[], { batchItemFailures, outcomes }: TaskAnswer): Concluded[] => {
  const failures = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  const byId = new Map(outcomes.map((outcome) => [outcome.itemIdentifier, outcome]));
  return letters.map((letter) => {
    const outcome = byId.get(letter.message.id);
    if (outcome === undefined || failures.has(letter.message.id)) return leftLetter(letter, outcome ?? {});
    return { letter, settled: settledBy(outcome) };
  });
};

/** The answer for a unit of letters, or why there is none for them together. */
const ask = async (
  { name, connection }: PipelineFunction,
  letters: readonly Letter[],
  signal: AbortSignal,
): Promise<TaskAnswer | { readonly code: string; readonly message: string }> => {
  const client = await connection.get();
  const input = { sluice: { task: "redrive" }, Records: letters.map(recordOf) };
  const answer = await call(client, name, { input, signal }).catch((error: unknown) => {
    const { code, message } = codeOf(lambda, error);
    if (code === "SINK_TOO_LARGE") return { code, message };
    throw interruption(lambda, error);
  });
  if ("code" in answer) return answer;
  if ("failed" in answer) {
    return { code: "FUNCTION_FAILED", message: `the pipeline's function ended with ${answer.failed}` };
  }
  if (isAnswer(answer.value)) return answer.value;
  throw new RedriveInterruptedError(
    "REDRIVE_INTERRUPTED",
    `${name} did not answer as a pipeline does: expected batchItemFailures and outcomes`,
  );
};

/**
 * Redrives letters, as many at once as a request holds, and concludes each unit before the next. A unit that makes the
 * function fail is halved, so that a poison letter keeps no other back.
 * @throws {BrokenPipelineError} when it failed too often in a row; {RedriveThrottledError} and {RedriveInterruptedError}
 * when there was no call. What was not concluded by then is in the queue, untouched.
 */
export const redriveAll = async (
  pipeline: PipelineFunction,
  letters: readonly Letter[],
  { conclude, signal }: { readonly conclude: Conclude; readonly signal: AbortSignal },
): Promise<void> => {
  const limits = { maxEntries: Number.POSITIVE_INFINITY, maxBytes: maxPayloadBytes, sizeOf };
  const units = chunk(letters, limits).reverse();
  let failuresInARow = 0;
  for (let unit = units.pop(); unit !== undefined; unit = units.pop()) {
    const answer = await ask(pipeline, unit, signal);
    if (!("code" in answer)) {
      failuresInARow = 0;
      await conclude(concludedBy(unit, answer));
      continue;
    }
    failuresInARow += 1;
    if (failuresInARow >= maxFailuresInARow) {
      throw new BrokenPipelineError(`${failuresInARow} times in a row, ${answer.message}`);
    }
    const middle = Math.ceil(unit.length / 2);
    if (unit.length === 1) await conclude(unit.map((letter) => leftLetter(letter, answer)));
    else units.push(unit.slice(middle), unit.slice(0, middle));
  }
};
