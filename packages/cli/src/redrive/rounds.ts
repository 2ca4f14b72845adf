// The rounds of a redrive. A queue returns messages in any order, so a round first receives all available messages, and
// then sends them in order. A FIFO queue needs several rounds: it returns some messages only after others are removed.

import { systemClock } from "@sluice/core/sink-kit";
import type { SourceMessage, SourceStatus } from "@sluice/inspect/queue";
import { inOrder, messageRate, redriveEngine, routeOrder, unsent } from "@sluice/redrive";
import { type MessageReader, type UnitReceiver, unitReceiver } from "../message-source/receive-units.ts";
import { withSeparators } from "../terminal/format.ts";
import type { MessageCounts } from "./counts.ts";
import type { Finisher } from "./finish.ts";
import type { OpenRedrive, StoredPart, UnitPart, UnitState } from "./open-redrive.ts";
import { deadLetterReader, invocationReader } from "./read-message.ts";

const failuresText = (counts: MessageCounts): string =>
  (["rejected", "retried"] as const)
    .filter((outcome) => counts.of(outcome) > 0)
    .map((outcome) => `${withSeparators(counts.of(outcome))} ${outcome}`)
    .join(", ");

/** Creates a reader that stores the bodies of the selected messages in the temporary file. */
const storingReader = ({ options, payloads, file, edit }: OpenRedrive): MessageReader<UnitState> => {
  const { from, filter } = options;
  const read =
    from === "on-failure-destination" ? invocationReader(filter.since) : deadLetterReader(filter, payloads, edit);
  return (message: SourceMessage) => {
    const found = read(message);
    if (found === undefined || typeof found === "string") return found;
    const select = async (): Promise<UnitState | undefined> => {
      const selected = await found.select();
      if (selected === undefined) return undefined;
      const parts: StoredPart[] = [];
      for (const [index, { body, ...order }] of selected.entries()) {
        const id = selected.length === 1 ? message.id : `${message.id} ${index + 1}/${selected.length}`;
        parts.push({ ...order, id, position: await file.add(body) });
      }
      return { parts, pending: parts.length };
    };
    return { ...found, select };
  };
};

/** How the last round ended. */
export interface RoundsEnd {
  /** Whether the source contains more messages than SQS allows in flight. */
  readonly isFull: boolean;
  readonly unsupportedLines: readonly string[];
  readonly failure?: { readonly error: unknown } | undefined;
}

/** Receives the messages of one round. Counts the messages that are not sent, and returns the parts to send. */
const receiveParts = async (
  { source, counts, signal }: OpenRedrive,
  finisher: Finisher,
  receiver: UnitReceiver<UnitState>,
) => {
  const { units, copies, lateCopies, notSelected, unsupported, size, ...end } = await receiver.receive(signal);
  counts.receive(size);
  counts.add("copy", copies);
  counts.add("notSelected", notSelected.length);
  counts.add("unsupported", unsupported.length);
  // If an error ended the receive, one message is in none of the lists. This message counts as unsent.
  counts.add("unsent", size - units.length - copies - notSelected.length - unsupported.length);
  await finisher.removeCopies(lateCopies);
  if (!source.isFifo) await source.release([...unsupported, ...notSelected]);
  return { ...end, size, parts: units.flatMap((unit) => unit.value.parts.map((part) => ({ ...part, unit }))) };
};

/** Creates a function that sends parts in order, up to `--max-messages`, and returns whether more may be sent. */
const partSender = ({ options, invoker, file, signal, counts, terminal }: OpenRedrive, finisher: Finisher) => {
  let [total, done] = [0, 0];
  let routes: readonly string[] | undefined;
  const engine = redriveEngine<UnitPart>({
    invoke: invoker.invoke,
    recordOf: async ({ id, position }) => ({ messageId: id, body: await file.read(position) }),
    onResults: async (results) => {
      await finisher.finish(results);
      done += results.size;
      terminal.progress.update({ doing: "redriving", done, total, note: failuresText(counts) });
    },
    isDryRun: options.isDryRun,
    rate: messageRate(options.ratePerSecond, systemClock),
    signal,
  });
  return async (parts: readonly UnitPart[]): Promise<boolean> => {
    routes ??= await routeOrder(parts, invoker.invoke);
    const sorted = inOrder(parts, routes);
    const room = options.maxMessages - total;
    total += Math.min(room, sorted.length);
    await leave(finisher, sorted.slice(room), "--max-messages was reached");
    await engine.send(sorted.slice(0, room));
    return total < options.maxMessages && !options.isDryRun && !signal.aborted;
  };
};

const leave = (finisher: Finisher, parts: readonly UnitPart[], reason: string): Promise<void> =>
  finisher.finish(new Map(parts.map((part) => [part, unsent(reason)])));

/** Repeats rounds until a round receives no message. Returns an error as `failure`, and does not reject. */
export const makeRounds = async (
  redrive: OpenRedrive,
  finisher: Finisher,
  { available }: SourceStatus,
): Promise<RoundsEnd> => {
  const { terminal, source } = redrive;
  const receiver = unitReceiver<UnitState>({
    source,
    read: storingReader(redrive),
    isRemoved: ({ result }) => result?.stays === false,
    onProgress: (done) => terminal.progress.update({ doing: "receiving", done, total: available }),
  });
  const send = partSender(redrive, finisher);
  const endOf = (isFull: boolean, failure?: RoundsEnd["failure"]): RoundsEnd => ({
    isFull,
    unsupportedLines: receiver.unsupportedLines(),
    failure,
  });
  try {
    for (;;) {
      const { parts, size, isFull, failure } = await receiveParts(redrive, finisher, receiver);
      if (failure !== undefined) {
        await leave(finisher, parts, "the redrive ended early");
        return endOf(false, failure);
      }
      const isMore = await send(parts);
      if (!isMore || size === 0 || !source.isFifo) return endOf(isFull);
    }
  } catch (error) {
    return endOf(false, { error });
  }
};
