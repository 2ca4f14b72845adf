// The redrive as an action: `sluice redrive` for a queue of the place, and the dead letters that a page selects.

import type { DeadLetterResult, RedriveInput, RunCall, RunResult } from "@sluice/console";
import { BrokenFunctionError } from "@sluice/redrive";
import { lambdaClient } from "../aws/clients.ts";
import { countedOutcome } from "../redrive/counts.ts";
import { type Invoker, lambdaInvoker, pipelineInvoker } from "../redrive/invoker.ts";
import type { FinishedUnit, RunOptions } from "../redrive/open-redrive.ts";
import { type RedriveOptions, redriveOptions } from "../redrive/options.ts";
import { type RedriveEnd, runRedrive } from "../redrive/run-redrive.ts";
import { counted, messageOf } from "../terminal/format.ts";
import { plainLine } from "../terminal/plain-text.ts";
import { ActionError, plainError } from "./action-error.ts";
import { wordsOf } from "./command-line.ts";
import { actionNotes } from "./notes.ts";
import { type ActionPlace, type OpenPlace, queueAt } from "./place.ts";
import { inTurns } from "./queue-turns.ts";

/** Opens the handler that redrives: a function in Lambda, or the pipeline of this process. */
export const openInvoker = async ({ functionName, module, aws }: ActionPlace): Promise<Invoker> => {
  if (functionName !== undefined) return lambdaInvoker(await lambdaClient(aws, functionName), functionName);
  if (module !== undefined) return pipelineInvoker(module.pipeline);
  throw new ActionError("MODULE_MISSING", "nothing can redrive; expected a function, or the pipeline's module");
};

/** The options of `sluice redrive` for this input. */
export const redriveOptionsOf = (place: ActionPlace, { ids, ...input }: RedriveInput): RunOptions => {
  const { url, kind } = queueAt(place, input.queueUrl);
  if (kind === "on-failure destination" && ids !== undefined) {
    throw new ActionError(
      "DEAD_LETTER_MISSING",
      "the queue has batches of Lambda, and no dead letters; expected no selection",
    );
  }
  const [, ...args] = wordsOf(place, input);
  const options = redriveOptions(args, Date.now()) as RedriveOptions;
  return { ...options, address: { kind: "queue", url }, ...(ids && { filter: { ids: new Set(ids) } }) };
};

/** Result of a dead letter. */
export const resultOf = ({ deadLetterId = "", route = "", result, stays }: FinishedUnit): DeadLetterResult => ({
  id: deadLetterId,
  route,
  outcome: countedOutcome(result),
  ...(result.code !== undefined && { code: result.code }),
  ...(result.reason !== undefined && { reason: plainLine(result.reason) }),
  stays,
});

/** Dead letters that were selected, and that no message was received of. */
const missingOf = (ids: readonly string[] = [], results: readonly DeadLetterResult[]): DeadLetterResult[] => {
  const known = new Set(results.map(({ id }) => id));
  const reason = "no longer in the queue, or in flight at another consumer";
  return ids.filter((id) => !known.has(id)).map((id) => ({ id, route: "", outcome: "missing", reason, stays: true }));
};

/** The line for an error that ended a redrive early. Without a single message, the run itself has failed. */
const failureLines = ({ failure, counts }: RedriveEnd): readonly string[] => {
  if (failure === undefined) return [];
  const error = plainError(failure.error);
  if (counts.received() === 0) throw error;
  const what = error instanceof BrokenFunctionError ? "the function is broken" : "ended early";
  return [plainLine(`${what}: ${messageOf(error)}`)];
};

/** Outcomes of dead letters that were not sent. */
const notSent: ReadonlySet<string> = new Set(["unsent", "missing"]);

/** The dead letters that an earlier call has sent. The next call leaves them alone. */
const sentBefore = (earlier: RunResult | undefined): readonly DeadLetterResult[] =>
  (earlier?.deadLetters ?? []).filter(({ outcome }) => !notSent.has(outcome));

/** The input without the dead letters that were sent before. */
const restOf = ({ ids, ...input }: RedriveInput, sent: readonly DeadLetterResult[]): RedriveInput => {
  const known = new Set(sent.map(({ id }) => id));
  return { ...input, ...(ids && { ids: ids.filter((id) => !known.has(id)) }) };
};

/** One result of two calls. A dead letter that stayed may have been sent by both: the later outcome counts. */
const together = (sent: readonly DeadLetterResult[], result: RunResult): RunResult => {
  if (sent.length === 0) return result;
  const { deadLetters = [] } = result;
  const again = new Set(deadLetters.map(({ id }) => id));
  const before = sent.filter(({ id }) => !again.has(id));
  const counts: Record<string, number> = { ...result.counts };
  for (const { outcome } of before) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return {
    ...result,
    lines: [`${counted(before.length, "dead letter")} before the pause`, ...result.lines],
    isClean: result.isClean && before.every(({ stays }) => !stays),
    counts,
    deadLetters: [...before, ...deadLetters],
  };
};

/**
 * Redrives dead letters. A redrive that was stopped has a result, too: each message has its outcome. The call after a pause sends
 * the others.
 */
export const redriveOf =
  (place: OpenPlace) =>
  async (asked: RedriveInput, { signal, onProgress, earlier }: Omit<RunCall, "id">): Promise<RunResult> => {
    const sent = sentBefore(earlier);
    const input = restOf(asked, sent);
    const options = redriveOptionsOf(place, input);
    const results: DeadLetterResult[] = [];
    const counts: Record<string, number> = {};
    const onFinished = (unit: FinishedUnit): void => {
      const result = resultOf(unit);
      counts[result.outcome] = (counts[result.outcome] ?? 0) + 1;
      if (unit.deadLetterId !== undefined) results.push(result);
    };
    const terminal = actionNotes(onProgress, () => counts);
    const invoker = await openInvoker(place);
    try {
      const end = await runRedrive({
        ...{ options, terminal, invoker, signal, onFinished },
        wrap: (source) => inTurns(source, input.queueUrl, place.turns),
      });
      const missing = missingOf(input.ids, results);
      const isPartial =
        signal.aborted &&
        (input.ids === undefined || missing.length > 0 || results.some(({ outcome }) => notSent.has(outcome)));
      return together(sent, {
        lines: [
          ...end.lines.map(plainLine),
          ...failureLines(end),
          ...(missing.length === 0 ? [] : [`${counted(missing.length, "dead letter")} could not be received`]),
        ],
        isClean: !isPartial && !end.isLeft && end.failure === undefined && missing.length === 0,
        counts: { ...counts, ...(missing.length > 0 && { missing: missing.length }) },
        deadLetters: [...results, ...missing],
        ...(isPartial && { isPartial }),
      });
    } finally {
      await invoker.close();
    }
  };
