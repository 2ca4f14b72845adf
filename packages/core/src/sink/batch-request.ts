// Append targets that take several messages in one request: split to the target's limits, ask, and settle each delivery
// by the answer for its own entry. Nothing is tried again here but what one bad entry has spoilt for the others.

import { untilAborted } from "../async/race.ts";
import { ConfigError, DeadlineError, type DeliveryError, outcomeOf, RecordError, SinkError } from "../errors.ts";
import { chunk } from "./chunk.ts";
import { type AppendDelivery, delivered, failed, type Sink, type WriteResult } from "./sink.ts";

/** An entry of a request, and the bytes that it takes of it. */
export interface SizedEntry<Entry> {
  readonly entry: Entry;
  readonly bytes: number;
}

/** What a target answered for one entry; undefined where it answered nothing: then core takes it for failed. */
export type EntryAnswer = "taken" | SinkError | undefined;

/** How to send messages to a target, several in a request. */
export interface BatchRequests<Message, Entry> {
  /** The sink's name, for errors. */
  readonly sink: string;
  readonly maxEntries: number;
  /** Most bytes of one entry, and of all entries of a request together. */
  readonly maxBytes: number;
  /**
   * Makes a delivery's entry. Runs before any request.
   * @throws {SinkError} what can never be sent: that delivery fails alone.
   */
  readonly encode: (delivery: AppendDelivery<Message>) => SizedEntry<Entry>;
  /** One request. Resolves with an answer for each entry, by its place; rejects when it fails as a whole. */
  readonly send: (entries: readonly Entry[], signal: AbortSignal) => Promise<readonly EntryAnswer[]>;
  /** The error of a request that failed as a whole. */
  readonly classify: (error: unknown) => SinkError;
}

interface Ready<Entry> extends SizedEntry<Entry> {
  readonly delivery: AppendDelivery<unknown>;
}

const bytesText = (bytes: number): string => bytes.toLocaleString("en");

const overdue = (sink: string): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", `[${sink}] the invocation's time was over before the message was sent`);

const allFailed = (group: readonly Ready<unknown>[], error: DeliveryError): WriteResult[] =>
  group.map(({ delivery }) => failed(delivery, error));

/** A delivery made ready, or its failure. */
const prepare = <Message, Entry>(
  { sink, maxBytes, encode }: BatchRequests<Message, Entry>,
  delivery: AppendDelivery<Message>,
): Ready<Entry> | WriteResult => {
  try {
    const { entry, bytes } = encode(delivery);
    if (bytes <= maxBytes) return { delivery, entry, bytes };
    const found = `[${sink}] message is ${bytesText(bytes)} bytes; the limit is ${bytesText(maxBytes)}`;
    return failed(delivery, new SinkError("SINK_TOO_LARGE", found));
  } catch (error) {
    if (error instanceof SinkError || error instanceof RecordError) return failed(delivery, error);
    throw error;
  }
};

const unanswered = (sink: string): SinkError =>
  new SinkError("SINK_TIMEOUT", `[${sink}] the invocation's time was over before the target answered`);

const settlementsOf = (group: readonly Ready<unknown>[], answers: readonly EntryAnswer[]): WriteResult[] =>
  group.flatMap(({ delivery }, index) => {
    const answer = answers[index];
    if (answer === undefined) return [];
    return answer === "taken" ? delivered(delivery) : failed(delivery, answer);
  });

/** What became of a group: its results, or why its request failed as a whole. */
const ask = async <Message, Entry>(
  requests: BatchRequests<Message, Entry>,
  group: readonly Ready<Entry>[],
  signal: AbortSignal,
): Promise<readonly WriteResult[] | SinkError> => {
  try {
    const entries = group.map(({ entry }) => entry);
    return settlementsOf(
      group,
      await untilAborted(requests.send(entries, signal), signal, () => unanswered(requests.sink)),
    );
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    return requests.classify(error);
  }
};

/**
 * Sends groups one after the other. A request that is refused for good is repeated entry by entry: one of them is bad,
 * and the others shall not suffer. One that fails for another reason ends the call: the next would fail as well.
 */
const sendAll = async <Message, Entry>(
  requests: BatchRequests<Message, Entry>,
  groups: readonly (readonly Ready<Entry>[])[],
  signal: AbortSignal,
): Promise<readonly WriteResult[]> => {
  const settled: WriteResult[] = [];
  for (const [index, group] of groups.entries()) {
    const left = groups.slice(index).flat();
    if (signal.aborted) return [...settled, ...allFailed(left, overdue(requests.sink))];
    const answer = await ask(requests, group, signal);
    if (!(answer instanceof SinkError)) settled.push(...answer);
    else if (outcomeOf(answer.code) === "retry") return [...settled, ...allFailed(left, answer)];
    else if (group.length === 1) settled.push(...allFailed(group, answer));
    else
      settled.push(
        ...(await sendAll(
          requests,
          group.map((ready) => [ready]),
          signal,
        )),
      );
  }
  return settled;
};

/**
 * The `write` of a sink whose target takes several messages in one request, and its `dryRun`, which knows what can never
 * be sent. Spread it into the sink.
 */
export const writeInRequests = <Message, Entry>(
  requests: BatchRequests<Message, Entry>,
): Required<Pick<Sink<Message, "append">, "write" | "dryRun">> => {
  const { maxEntries, maxBytes } = requests;
  const prepared = (batch: readonly AppendDelivery<Message>[]) => {
    const all = batch.map((delivery) => prepare(requests, delivery));
    return { ready: all.filter((one) => "entry" in one), refused: all.filter((one) => "outcome" in one) };
  };
  return {
    write: async (batch, { signal }) => {
      const { ready, refused } = prepared(batch);
      const groups = chunk(ready, { maxEntries, maxBytes, sizeOf: ({ bytes }) => bytes });
      return [...refused, ...(await sendAll(requests, groups, signal))];
    },
    dryRun: async (batch) => {
      const { ready, refused } = prepared(batch);
      return [...refused, ...ready.map(({ delivery }) => delivered(delivery))];
    },
  };
};
