// Receives messages, and groups them in units. If several messages contain the same dead letter, they are one unit.

import type { MessageSource, ReceiveEnd, SourceMessage } from "@sluice/inspect/queue";
import { type UnsupportedMessages, unsupportedMessages } from "./unsupported-messages.ts";

/** Messages with the same dead letter, which are removed together, and the value that the command stores for them. */
export interface MessageUnit<Value> {
  readonly value: Value;
  /** Ids of the messages: the first message and its copies. */
  readonly messages: string[];
  /** URLs of the records that the messages refer to. */
  readonly recordUrls: string[];
}

/** A message that was read. */
export interface ReadMessage<Value> {
  /** Messages with the same `deadLetterId` are copies of each other. Undefined for messages that have no copies. */
  readonly deadLetterId?: string;
  readonly recordUrl?: string | undefined;
  /** Returns the value for the message's unit, or undefined if the filter does not select the message. */
  readonly select: () => Promise<Value | undefined>;
}

/** Reads a message. If the message is unsupported, returns undefined, or a text that says what the message is. */
export type MessageReader<Value> = (message: SourceMessage) => ReadMessage<Value> | string | undefined;

interface Copy {
  readonly id: string;
  readonly recordUrl: string | undefined;
}

/** The messages that the current round has received so far. */
interface Round<Value> {
  /** The units whose first message was received in this round. */
  readonly units: MessageUnit<Value>[];
  /** Ids of copies whose unit was removed in an earlier round. These copies can be removed, too. */
  readonly lateCopies: string[];
  readonly unsupported: string[];
  /** For each dead letter, the messages that were not selected. A later copy of the dead letter may be selected. */
  readonly notSelected: Map<string, Copy[]>;
  /** Number of messages that are copies. */
  copies: number;
  /** Number of received messages. If an error ended the receive, one of these messages is in none of the lists. */
  size: number;
}

/** The messages of one round, and how the round ended. */
export interface ReceivedUnits<Value> extends ReceiveEnd, Readonly<Omit<Round<Value>, "notSelected">> {
  readonly notSelected: readonly string[];
  readonly failure: { readonly error: unknown } | undefined;
}

/** Receives messages as units. Each call of `receive` is one round. */
export interface UnitReceiver<Value> {
  /** Receives all available messages. Returns an error as `failure` and does not reject, so that no message is lost. */
  readonly receive: (signal: AbortSignal) => Promise<ReceivedUnits<Value>>;
  /** Describes for the user the unsupported messages of all rounds. */
  readonly unsupportedLines: () => string[];
}

/** Options of a unit receiver. */
export interface UnitReceiverOptions<Value> {
  readonly source: MessageSource;
  readonly read: MessageReader<Value>;
  /** Whether the unit with this value was removed in an earlier round. Default: false for every unit. */
  readonly isRemoved?: (value: Value) => boolean;
  /** Called with the number of messages that were received in this round so far. */
  readonly onProgress: (received: number) => void;
}

interface ReceiverState<Value> extends UnitReceiverOptions<Value> {
  readonly known: Map<string, MessageUnit<Value>>;
  readonly unsupported: UnsupportedMessages;
}

const addCopies = (unit: MessageUnit<unknown>, copies: readonly Copy[]): void => {
  unit.messages.push(...copies.map(({ id }) => id));
  unit.recordUrls.push(...copies.flatMap(({ recordUrl }) => recordUrl ?? []));
};

/** Adds a message to the round: to its dead letter's unit, to `notSelected`, or to `unsupported`. */
const sort = async <Value>(round: Round<Value>, state: ReceiverState<Value>, message: SourceMessage): Promise<void> => {
  const { read, known, unsupported, isRemoved = () => false } = state;
  const found = read(message);
  if (found === undefined || typeof found === "string") {
    unsupported.add(message, found);
    round.unsupported.push(message.id);
    return;
  }
  const { deadLetterId = message.id, recordUrl } = found;
  const copy = { id: message.id, recordUrl };
  const unit = known.get(deadLetterId);
  if (unit !== undefined) {
    round.copies += 1;
    if (isRemoved(unit.value)) round.lateCopies.push(message.id);
    else addCopies(unit, [copy]);
    return;
  }
  const copies = [copy, ...(round.notSelected.get(deadLetterId) ?? [])];
  const value = await found.select();
  if (value === undefined) return void round.notSelected.set(deadLetterId, copies);
  round.notSelected.delete(deadLetterId);
  const added: MessageUnit<Value> = { value, messages: [], recordUrls: [] };
  addCopies(added, copies);
  known.set(deadLetterId, added);
  round.units.push(added);
  round.copies += copies.length - 1;
};

/** Creates a receiver. It remembers the units of all rounds, so that it also finds copies of earlier messages. */
export const unitReceiver = <Value>(options: UnitReceiverOptions<Value>): UnitReceiver<Value> => {
  const state = { ...options, known: new Map<string, MessageUnit<Value>>(), unsupported: unsupportedMessages() };
  const receive = async (signal: AbortSignal): Promise<ReceivedUnits<Value>> => {
    const lists = { units: [], lateCopies: [], unsupported: [], notSelected: new Map() };
    const round: Round<Value> = { ...lists, copies: 0, size: 0 };
    const pass = async (message: SourceMessage): Promise<void> => {
      round.size += 1;
      await sort(round, state, message);
      options.onProgress(round.size);
    };
    const end = await options.source.receiveAll(pass, signal).then(
      ({ isFull }) => ({ isFull, failure: undefined }),
      (error: unknown) => ({ isFull: false, failure: { error } }),
    );
    return { ...round, ...end, notSelected: [...round.notSelected.values()].flat().map(({ id }) => id) };
  };
  return { receive, unsupportedLines: state.unsupported.lines };
};
