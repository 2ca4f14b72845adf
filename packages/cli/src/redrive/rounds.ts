// The rounds of a redrive: receive the available messages and send them in order. A FIFO queue takes several rounds, since
// removing messages makes others available.

import { systemClock } from "@sluice/core/sink-kit";
import { inOrder, messageRate, type RedriveResult, redriveEngine, unsent } from "@sluice/redrive";
import type { Payloads } from "../aws/payloads.ts";
import type { TemporaryFile } from "../files/temporary-file.ts";
import type { MessageSource, SourceStatus } from "../message-source/message-source.ts";
import type { UnsupportedMessages } from "../message-source/unsupported-messages.ts";
import { withSeparators } from "../terminal/format.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { RedriveCounts } from "./counts.ts";
import type { Finisher } from "./finish.ts";
import type { Invoker } from "./invoker.ts";
import type { MessageUnit, UnitPart } from "./message-unit.ts";
import type { RedriveOptions } from "./options.ts";
import { deadLetterReader, invocationReader } from "./read-message.ts";
import { receiveMessages } from "./receive.ts";

/** A redrive whose resources are open. */
export interface OpenRedrive {
  readonly options: RedriveOptions;
  readonly terminal: Terminal;
  readonly source: MessageSource;
  readonly invoker: Invoker;
  readonly payloads: Payloads;
  readonly file: TemporaryFile;
  readonly signal: AbortSignal;
  readonly counts: RedriveCounts;
  readonly unsupported: UnsupportedMessages;
  readonly finisher: Finisher;
}

const failuresText = (counts: RedriveCounts): string =>
  (["rejected", "retried"] as const)
    .filter((outcome) => counts.of(outcome) > 0)
    .map((outcome) => `${withSeparators(counts.of(outcome))} ${outcome}`)
    .join(", ");

/** Returns the function for one round. It answers whether it was the last, and whether the source contains more. */
const roundOf = (redrive: OpenRedrive, status: SourceStatus) => {
  const { options, terminal, source, invoker, payloads, file, signal, counts, unsupported, finisher } = redrive;
  const { isDryRun, ratePerSecond, from, filter, maxMessages } = options;
  const units = new Map<string, MessageUnit>();
  let [total, done] = [0, 0];
  const onResults = async (results: ReadonlyMap<UnitPart, RedriveResult>): Promise<void> => {
    await finisher.finish(results);
    done += results.size;
    terminal.progress.update({ doing: "redriving", done, total, note: failuresText(counts) });
  };
  const read = from === "on-failure-destination" ? invocationReader(filter.since) : deadLetterReader(filter, payloads);
  const onProgress = (received: number): void =>
    terminal.progress.update({ doing: "receiving", done: received, total: status.available });
  const engine = redriveEngine<UnitPart>({
    invoke: invoker.invoke,
    recordOf: async ({ id, position }) => ({ messageId: id, body: await file.read(position) }),
    onResults,
    isDryRun,
    rate: messageRate(ratePerSecond, systemClock),
    signal,
  });
  const leave = (parts: readonly UnitPart[], reason: string): Promise<void> =>
    finisher.finish(new Map(parts.map((part) => [part, unsent(reason)])));

  return async (): Promise<{ readonly isLast: boolean; readonly isFull: boolean }> => {
    const context = { source, read, file, counts, unsupported, units, signal, onProgress };
    const { parts, others, delivered, size, isFull, failure } = await receiveMessages(context);
    await finisher.remove(delivered);
    if (!source.isFifo) await source.release(others);
    if (failure !== undefined) {
      await leave(parts, "the redrive ended early");
      throw failure.error;
    }
    const sorted = inOrder(parts);
    const room = maxMessages - total;
    total += Math.min(room, sorted.length);
    await leave(sorted.slice(room), "--max-messages was reached");
    await engine.send(sorted.slice(0, room));
    return { isLast: size === 0 || signal.aborted || isDryRun || total >= maxMessages || !source.isFifo, isFull };
  };
};

/** Makes rounds until one brings no message. Answers whether the source contains more messages than may be in flight. */
export const makeRounds = async (redrive: OpenRedrive, status: SourceStatus): Promise<boolean> => {
  const round = roundOf(redrive, status);
  for (;;) {
    const { isLast, isFull } = await round();
    if (isLast) return isFull;
  }
};
