// Lets one action at a time receive the messages of a queue. Two at once would each see a part of them: a list beside a redrive
// would hide from it what it should send. Other processes are not waited for; what they hold counts as hidden.

import { untilAborted } from "@sluice/core/sink-kit";
import type { MessageSource } from "@sluice/inspect/queue";

/** Waits for the turn of a queue, and works. If the signal aborts meanwhile, the work begins at once, and sees the abort. */
export type QueueTurns = <Result>(
  queueUrl: string,
  signal: AbortSignal,
  work: () => Promise<Result>,
) => Promise<Result>;

/** Resolves when the signal aborts, or the turn before has ended. */
const untilTurn = (before: Promise<unknown>, signal: AbortSignal): Promise<unknown> =>
  untilAborted(before, signal, () => new Error("aborted")).catch(() => undefined);

/** Creates the turns of all queues. */
export const queueTurns = (): QueueTurns => {
  const latest = new Map<string, Promise<unknown>>();
  return (queueUrl, signal, work) => {
    const before = latest.get(queueUrl) ?? Promise.resolve();
    const done = untilTurn(before, signal).then(work);
    latest.set(queueUrl, Promise.allSettled([before, done]));
    return done;
  };
};

/** A source that receives in its turn only. It holds its messages afterwards, while others receive the rest. */
export const inTurns = (source: MessageSource, queueUrl: string, turns: QueueTurns): MessageSource => ({
  ...source,
  receiveAll: (pass, signal) => turns(queueUrl, signal, () => source.receiveAll(pass, signal)),
});
