// Receives messages in units. All messages of one dead letter are one unit, because they are removed together.

import type { MessageSource, ReceiveEnd, SourceMessage } from "./message-source.ts";
import { type UnsupportedMessages, unsupportedMessages } from "./unsupported-messages.ts";

/** Messages that are removed together, and the value that the command stores for them. */
export interface MessageUnit<Value> {
  readonly value: Value;
  /** Ids of the messages: the first one and its copies. */
  readonly messages: string[];
  /** URLs of the records that the messages refer to. */
  readonly recordUrls: string[];
}

/** A message that was read. */
export interface ReadMessage<Value> {
  /** Equal for all copies of one dead letter. Undefined for messages that have no copies. */
  readonly deadLetterId?: string;
  readonly recordUrl?: string | undefined;
  /** Returns the value of the message's unit, or undefined if the filter does not select the message. */
  readonly select: () => Promise<Value | undefined>;
}

/** Reads a message. Returns undefined if the message is unsupported. */
export type MessageReader<Value> = (message: SourceMessage) => ReadMessage<Value> | undefined;

interface Copy {
  readonly id: string;
  readonly recordUrl: string | undefined;
}

/** The messages that this round has received so far. */
interface Round<Value> {
  /** The units whose first message was received in this round. */
  readonly units: MessageUnit<Value>[];
  /** Copies that can be removed, because their unit was removed in an earlier round. */
  readonly lateCopies: string[];
  readonly unsupported: string[];
  /** Messages by dead letter. A later copy of the same dead letter may still be selected. */
  readonly notSelected: Map<string, Copy[]>;
  /** Number of messages that are copies. */
  copies: number;
  /** Number of messages. Includes the message whose error ended the receive, which is in none of the lists. */
  size: number;
}

/** Messages of one round, and how it ended. */
export interface ReceivedUnits<Value> extends ReceiveEnd, Readonly<Omit<Round<Value>, "notSelected">> {
  readonly notSelected: readonly string[];
  readonly failure: { readonly error: unknown } | undefined;
}

/** Receives units, in one round or several. */
export interface UnitReceiver<Value> {
  /** Receives the available messages. Does not reject, because the caller must remove or release received messages. */
  readonly receive: (signal: AbortSignal) => Promise<ReceivedUnits<Value>>;
  /** Describes the unsupported messages of all rounds. */
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

/** Adds a message to the unit of its dead letter, to the unselected messages, or to the unsupported messages. */
const sort = async <Value>(round: Round<Value>, state: ReceiverState<Value>, message: SourceMessage): Promise<void> => {
  const { read, known, unsupported, isRemoved = () => false } = state;
  const found = read(message);
  if (found === undefined) {
    unsupported.add(message);
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

/** Creates a receiver, which remembers the units of all rounds. */
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
