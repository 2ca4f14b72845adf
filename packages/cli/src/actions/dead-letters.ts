// Actions about the dead letters of a queue: list, show, export and drop.

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { ConsoleHost, DeadLetterRow } from "@sluice/console";
import { type Envelope, encodeEnvelope } from "@sluice/core/envelope";
import type { Image } from "@sluice/core/sink-kit";
import { byFirstFailure, plainKeys, reasonOf } from "../dead-letters/list.ts";
import { type OpenQueue, receiveDeadLetters, unreadLines, withQueue } from "../dead-letters/receive.ts";
import { prettyJson } from "../dead-letters/show.ts";
import { backupFile, dropTexts, withTexts } from "../dead-letters/texts.ts";
import { plainJson } from "../terminal/plain-text.ts";
import { ActionError } from "./action-error.ts";
import { actionNotes } from "./notes.ts";
import { type OpenPlace, queueAt } from "./place.ts";

/** What a row tells of a dead letter, without the place of its record: only the message tells that. */
type Columns = Omit<DeadLetterRow, "isStored" | "queueUrl">;

const columnsOf = ({ id, pipeline, sink, code, message, attempts, firstFailedAt, record }: Envelope): Columns => ({
  id,
  pipeline,
  route: sink,
  code,
  reason: reasonOf(message),
  attempts,
  firstFailedAt,
  keys: plainKeys(record.dynamodb?.Keys),
  eventId: typeof record.eventID === "string" ? record.eventID : undefined,
});

/** Opens a queue of the place for one action. Releases all messages that the action received, and has not removed. */
const inQueue = <Result>(
  place: OpenPlace,
  queueUrl: string,
  { signal, ids }: { readonly signal: AbortSignal; readonly ids?: readonly string[] },
  use: (queue: OpenQueue) => Promise<Result>,
): Promise<Result> => {
  const { url } = queueAt(place, queueUrl);
  const { payloadStore, aws } = place;
  const filter = ids === undefined ? {} : { ids: new Set(ids) };
  return place.turns(url, signal, () =>
    withQueue({ queueUrl: url, payloadStore, aws }, (opened) =>
      use({ ...opened, filter, terminal: actionNotes(), signal }),
    ),
  );
};

/** Lists the dead letters of a queue, oldest first. */
export const listOf =
  (place: OpenPlace): ConsoleHost["deadLetters"] =>
  (queueUrl, signal) =>
    inQueue(place, queueUrl, { signal }, async (queue) => {
      const found = await receiveDeadLetters(queue, { keep: columnsOf });
      await queue.source.release();
      signal.throwIfAborted();
      const rows = found.deadLetters.map(({ value, recordUrls }) => ({
        queueUrl,
        ...value,
        isStored: recordUrls.length > 0,
      }));
      return { queueUrl, rows: rows.sort(byFirstFailure), unsupported: unreadLines(found), hidden: found.notReceived };
    });

/** The images of a record, if they can be encoded: a forged record may have thousands of levels. */
const imagesOf = (
  { record }: Envelope,
  canEncode: boolean,
): { newImage: Image | undefined; oldImage: Image | undefined } => {
  const { NewImage: newImage, OldImage: oldImage } = (canEncode && record.dynamodb) || {};
  return { newImage, oldImage };
};

/** Shows one dead letter, with the values of its record. Ends the receive as soon as it is found. */
export const showOf =
  (place: OpenPlace): ConsoleHost["deadLetter"] =>
  (queueUrl, id, signal) =>
    inQueue(place, queueUrl, { signal, ids: [id] }, async (queue) => {
      const isFound = new AbortController();
      const { deadLetters } = await receiveDeadLetters(
        { ...queue, signal: AbortSignal.any([signal, isFound.signal]) },
        {
          keep: (envelope) => {
            isFound.abort();
            return envelope;
          },
        },
      );
      signal.throwIfAborted();
      const [found] = deadLetters;
      if (found === undefined) throw missing("the dead letter");
      const { value: envelope, recordUrls } = found;
      const text = prettyJson(envelope);
      return {
        row: { queueUrl, ...columnsOf(envelope), isStored: recordUrls.length > 0 },
        message: envelope.message,
        ...imagesOf(envelope, text !== undefined),
        envelope: text ?? plainJson(encodeEnvelope(envelope, Number.POSITIVE_INFINITY)),
      };
    });

/** The error for dead letters that are not received. */
export const missing = (subject: string): ActionError =>
  new ActionError(
    "DEAD_LETTER_MISSING",
    `${subject} could not be received; expected a message that is in the queue, and not in flight at another consumer`,
  );

/** Returns the lines of dead letters, as `sluice dead-letters export` writes them. */
export const exportOf =
  (place: OpenPlace): ConsoleHost["exportDeadLetters"] =>
  ({ queueUrl, ids }, signal) =>
    inQueue(place, queueUrl, { signal, ids }, (queue) =>
      withTexts(queue, false, async ({ lines }) => {
        await queue.source.release();
        signal.throwIfAborted();
        const all: string[] = [];
        for await (const line of lines()) all.push(line);
        if (all.length === 0) throw missing("the dead letters");
        return all;
      }),
    );

/** Writes dead letters to a new file, and then deletes them from the queue. */
export const dropOf =
  (place: OpenPlace): ConsoleHost["dropDeadLetters"] =>
  ({ queueUrl, ids }, signal) =>
    inQueue(place, queueUrl, { signal, ids }, (queue) =>
      withTexts(queue, false, async (texts) => {
        const { deadLetters } = texts.found;
        if (deadLetters.length === 0) throw missing("the dead letters");
        signal.throwIfAborted();
        await mkdir(place.directory, { recursive: true, mode: 0o700 });
        const file = resolve(join(place.directory, backupFile(queue)));
        const left = await dropTexts(queue, texts, file);
        const dropped = deadLetters.filter(({ messages }) => messages.every((id) => !left.has(id)));
        return { dropped: dropped.length, left: left.size, file };
      }),
    );
