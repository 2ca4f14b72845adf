// The first half of a redrive: all messages are received before the first is sent, because a queue brings messages in any
// order, and an item's changes must be sent in theirs.

import type { TemporaryFile } from "../files/temporary-file.ts";
import type { MessageSource, ReceiveEnd, SourceMessage } from "../message-source/message-source.ts";
import type { UnsupportedMessages } from "../message-source/unsupported-messages.ts";
import type { RedriveCounts } from "./counts.ts";
import type { MessageUnit, UnitPart } from "./message-unit.ts";
import type { MessageReader, ReadMessage } from "./read-message.ts";

/** Messages that were received, by what happens to them. */
export interface Received extends ReceiveEnd {
  readonly parts: readonly UnitPart[];
  /** Messages that are not sent. */
  readonly others: readonly string[];
  /** Copies of dead letters that an earlier round has delivered. */
  readonly delivered: readonly string[];
  /** Number of messages. */
  readonly size: number;
  /** Why the receive ended early. */
  readonly failure: { readonly error: unknown } | undefined;
}

/** What receiving needs in all rounds of a redrive. */
export interface ReceiveContext {
  readonly source: MessageSource;
  readonly read: MessageReader;
  readonly file: TemporaryFile;
  readonly counts: RedriveCounts;
  readonly unsupported: UnsupportedMessages;
  /** Units of all rounds, by the id of their dead letter. */
  readonly units: Map<string, MessageUnit>;
  readonly signal: AbortSignal;
  /** Gets the number of messages that were received so far. */
  readonly onProgress: (received: number) => void;
}

/** A message of a dead letter, and the record that it refers to. */
interface Copy {
  readonly id: string;
  readonly recordUrl: string | undefined;
}

interface Sorted {
  readonly parts: UnitPart[];
  readonly others: string[];
  readonly delivered: string[];
  /** Messages that the filter does not select, by dead letter: another copy of it may be selected. */
  readonly notSelected: Map<string, Copy[]>;
}

const addCopies = (unit: MessageUnit, copies: readonly Copy[]): void => {
  for (const { id, recordUrl } of copies) {
    unit.messages.push(id);
    if (recordUrl !== undefined) unit.recordUrls.push(recordUrl);
  }
};

const addUnit = async (sorted: Sorted, { file, units, counts }: ReceiveContext, id: string, message: ReadMessage) => {
  const { deadLetterId = id, parts, recordUrl } = message;
  const unit: MessageUnit = { messages: [], recordUrls: [], pending: parts.length, result: undefined };
  for (const [index, { body, ...order }] of parts.entries()) {
    const partId = parts.length === 1 ? id : `${id} ${index + 1}/${parts.length}`;
    sorted.parts.push({ id: partId, ...order, position: await file.add(body), unit });
  }
  units.set(deadLetterId, unit);
  const copies = sorted.notSelected.get(deadLetterId) ?? [];
  sorted.notSelected.delete(deadLetterId);
  addCopies(unit, [{ id, recordUrl }, ...copies]);
  counts.add("copy", copies.length);
};

const sort = async (sorted: Sorted, context: ReceiveContext, message: SourceMessage): Promise<void> => {
  const { read, counts, units, unsupported } = context;
  const { id } = message;
  const found = await read(message);
  if (found === undefined) {
    counts.add("unsupported");
    unsupported.add(message);
    sorted.others.push(id);
    return;
  }
  const { deadLetterId = id, isSelected, recordUrl } = found;
  const unit = units.get(deadLetterId);
  if (unit !== undefined) {
    counts.add("copy");
    if (unit.result?.stays === false) sorted.delivered.push(id);
    else addCopies(unit, [{ id, recordUrl }]);
  } else if (isSelected) await addUnit(sorted, context, id, found);
  else {
    const copies = sorted.notSelected.get(deadLetterId) ?? [];
    sorted.notSelected.set(deadLetterId, [...copies, { id, recordUrl }]);
  }
};

/** Receives the available messages. Does not reject: messages that were received must be sent or released. */
export const receiveMessages = async (context: ReceiveContext): Promise<Received> => {
  const { source, counts, signal, onProgress } = context;
  const sorted: Sorted = { parts: [], others: [], delivered: [], notSelected: new Map() };
  let [size, isFull] = [0, false];
  let failure: Received["failure"];
  const pass = async (message: SourceMessage): Promise<void> => {
    size += 1;
    counts.receive();
    try {
      await sort(sorted, context, message);
    } catch (error) {
      counts.add("unsent");
      throw error;
    }
    onProgress(size);
  };
  try {
    isFull = (await source.receiveAll(pass, signal)).isFull;
  } catch (error) {
    failure = { error };
  }
  const notSelected = [...sorted.notSelected.values()].flat().map(({ id }) => id);
  counts.add("notSelected", notSelected.length);
  return { ...sorted, others: [...sorted.others, ...notSelected], size, isFull, failure };
};
