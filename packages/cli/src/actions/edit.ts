// Sends a dead letter again with another item. The original leaves the queue only if this succeeds.

import type { ConsoleHost, DeadLetterResult } from "@sluice/console";
import type { Envelope } from "@sluice/core/envelope";
import type { Image } from "@sluice/core/sink-kit";
import { runRedrive } from "../redrive/run-redrive.ts";
import { ActionError } from "./action-error.ts";
import { missing } from "./dead-letters.ts";
import { checkSameKey, imageIn } from "./image.ts";
import { actionNotes } from "./notes.ts";
import type { OpenPlace } from "./place.ts";
import { inTurns } from "./queue-turns.ts";
import { openInvoker, redriveOptionsOf, resultOf } from "./redrive.ts";

/** Returns the envelope with the record of another item. The version of the change stays. */
const edited = (envelope: Envelope, newImage: Image): Envelope => {
  const { recordUrl: _, ...rest } = envelope;
  const { dynamodb } = envelope.record;
  if (dynamodb?.Keys === undefined) {
    throw new ActionError("DEAD_LETTER_MISSING", "the record of the dead letter could not be read from S3");
  }
  if (dynamodb.NewImage === undefined) {
    throw new ActionError(
      "IMAGE_INVALID",
      "the change has no new image; expected an insert or a modification with one",
    );
  }
  checkSameKey(newImage, dynamodb.Keys);
  return { ...rest, record: { ...envelope.record, dynamodb: { ...dynamodb, NewImage: newImage } } };
};

/** Sends one dead letter again with another item. */
export const editOf =
  (place: OpenPlace): ConsoleHost["editDeadLetter"] =>
  async ({ queueUrl, id, newImage }, signal) => {
    const image = imageIn(newImage);
    const options = redriveOptionsOf(place, { kind: "redrive", pipeline: "", queueUrl, ids: [id] });
    const results: DeadLetterResult[] = [];
    const invoker = await openInvoker(place);
    try {
      const { failure } = await runRedrive({
        options,
        terminal: actionNotes(),
        invoker,
        signal,
        wrap: (source) => inTurns(source, queueUrl, place.turns),
        edit: (envelope) => edited(envelope, image),
        onFinished: (unit) => results.push(resultOf(unit)),
      });
      const [result] = results;
      if (failure !== undefined) throw failure.error;
      if (result === undefined) throw missing("the dead letter");
      return result;
    } finally {
      await invoker.close();
    }
  };
