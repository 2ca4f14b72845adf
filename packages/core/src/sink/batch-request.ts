// For append targets that take several messages per request. The answer to an entry decides the result of its delivery.
// A request is repeated only if the target rejected it because of one bad entry.

import { untilAborted } from "../async/race.ts";
import { ConfigError, isTransient, outcomeOf, SinkError } from "../errors.ts";
import { type AwsService, awsEntryError } from "./aws-error.ts";
import { encodeEach, orSinkError, sendInParts } from "./batch.ts";
import { chunk } from "./chunk.ts";
import { type AppendDelivery, delivered, failed, type Sink, type WriteResult } from "./sink.ts";
import { rejected, unanswered } from "./sink-error.ts";

/** An entry of a request, and its size. */
export interface SizedEntry<Entry> {
  readonly entry: Entry;
  readonly bytes: number;
}

/** The target's answer about one entry. Undefined if the answer omits the entry, which core then counts as failed. */
export type EntryAnswer = "taken" | SinkError | undefined;

/** How a sink sends several messages in a request. */
export interface BatchRequests<Message, Entry> {
  /** The sink's name, for errors. */
  readonly sink: string;
  readonly maxEntries: number;
  /** Limit in bytes of one entry, and of all entries of a request together. */
  readonly maxBytes: number;
  /** Creates the entry for a delivery, without I/O. If it throws, only this delivery fails, as by `encodeEach`. */
  readonly encode: (delivery: AppendDelivery<Message>) => SizedEntry<Entry>;
  /** Sends one request. Resolves with the answers in the order of the entries; rejects if the whole request fails. */
  readonly send: (entries: readonly Entry[], signal: AbortSignal) => Promise<readonly EntryAnswer[]>;
  /** Creates the error for a request that failed as a whole. */
  readonly classify: (error: unknown) => SinkError;
}

interface ReadyDelivery<Entry> extends SizedEntry<Entry> {
  readonly delivery: AppendDelivery<unknown>;
}

const bytesText = (bytes: number): string => bytes.toLocaleString("en");

const resultsOf = (group: readonly ReadyDelivery<unknown>[], answers: readonly EntryAnswer[]): WriteResult[] =>
  group.flatMap(({ delivery }, index) => {
    const answer = answers[index];
    if (answer === undefined) return [];
    return answer === "taken" ? delivered(delivery) : failed(delivery, answer);
  });

/** Sends entries in one request. Rejects with an error if the request fails as a whole. */
const sendGroup = async <Message, Entry>(
  { sink, send, classify }: BatchRequests<Message, Entry>,
  group: readonly ReadyDelivery<Entry>[],
  signal: AbortSignal,
): Promise<readonly WriteResult[]> => {
  try {
    const sending = send(
      group.map(({ entry }) => entry),
      signal,
    );
    return resultsOf(group, await untilAborted(sending, signal, () => unanswered(sink, "the target")));
  } catch (error) {
    throw error instanceof ConfigError ? error : classify(error);
  }
};

/** Whether an error says that the target is unusable and stays so. One entry of a request may still be the reason. */
const mayBeOneEntry = ({ code }: SinkError): boolean => outcomeOf(code) === "retry" && !isTransient(code);

/**
 * Sends a group. If the target refuses the whole request as if it were unusable, each entry is sent by itself. An entry
 * that is refused alone while another one passes is rejected. If none passes, the target is at fault.
 */
const sendJudged = async <Message, Entry>(
  requests: BatchRequests<Message, Entry>,
  group: readonly ReadyDelivery<Entry>[],
  signal: AbortSignal,
): Promise<readonly WriteResult[]> => {
  const sent = await orSinkError(sendGroup(requests, group, signal));
  if (!(sent instanceof SinkError)) return sent;
  if (group.length === 1 || !mayBeOneEntry(sent)) throw sent;
  const results: WriteResult[] = [];
  const refused: (readonly [AppendDelivery<unknown>, SinkError])[] = [];
  for (const entry of group) {
    const alone = signal.aborted ? sent : await orSinkError(sendGroup(requests, [entry], signal));
    if (alone instanceof SinkError) refused.push([entry.delivery, alone]);
    else results.push(...alone);
  }
  if (!results.some(({ outcome }) => outcome === "delivered")) throw sent;
  const judged = refused.map(([delivery, error]) => {
    const isAtFault = mayBeOneEntry(error) && error !== sent;
    const problem = `the message is refused alone, while others pass: ${error.message}`;
    return failed(delivery, isAtFault ? rejected(requests.sink, problem, { cause: error }) : error);
  });
  return [...results, ...judged];
};

/** Creates `write` and `dryRun` for a sink whose target takes several messages per request. Spread both into a sink. */
export const writeInRequests = <Message, Entry>(
  requests: BatchRequests<Message, Entry>,
): Required<Pick<Sink<Message, "append">, "write" | "dryRun">> => {
  const { sink, maxEntries, maxBytes, encode } = requests;
  const ready = (delivery: AppendDelivery<Message>): ReadyDelivery<Entry> => {
    const { entry, bytes } = encode(delivery);
    if (bytes <= maxBytes) return { delivery, entry, bytes };
    const found = `[${sink}] message is ${bytesText(bytes)} bytes; the limit is ${bytesText(maxBytes)}`;
    throw new SinkError("SINK_TOO_LARGE", found);
  };
  return {
    write: async (batch, { signal }) => {
      const { entries, results } = encodeEach(batch, ready);
      const groups = chunk(entries, { maxEntries, maxBytes, sizeOf: ({ bytes }) => bytes });
      const send = (group: readonly ReadyDelivery<Entry>[]) => sendJudged(requests, group, signal);
      const split = (group: readonly ReadyDelivery<Entry>[]) => group.map((entry) => [entry]);
      return [...results, ...(await sendInParts(groups, { sink, signal, send, split }))];
    },
    dryRun: async (batch) => {
      const { entries, results } = encodeEach(batch, ready);
      return [...results, ...entries.map(({ delivery }) => delivered(delivery))];
    },
  };
};

/** The answer to `PublishBatch` and `SendMessageBatch`. Even an answer with HTTP 200 may contain failed entries. */
export interface IdAnswer {
  readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined;
  readonly Failed?:
    | readonly {
        readonly Id?: string | undefined;
        readonly Code?: string | undefined;
        readonly Message?: string | undefined;
        readonly SenderFault?: boolean | undefined;
      }[]
    | undefined;
}

/** Gives each entry its index as its id. */
export const withIds = <Entry>(entries: readonly Entry[]): (Entry & { readonly Id: string })[] =>
  entries.map((entry, index) => ({ ...entry, Id: String(index) }));

/** Returns the answers in the order of the entries: undefined for an entry that the service did not mention. */
export const answersById = (sink: string, service: AwsService, { Successful, Failed }: IdAnswer): EntryAnswer[] => {
  const answers: EntryAnswer[] = [];
  for (const { Id } of Successful ?? []) answers[Number(Id)] = "taken";
  for (const { Id, Code, Message, SenderFault } of Failed ?? []) {
    answers[Number(Id)] = awsEntryError(sink, service, { code: Code, message: Message, isSenderFault: SenderFault });
  }
  return answers;
};
