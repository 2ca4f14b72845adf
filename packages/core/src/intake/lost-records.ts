// The errors for records that Lambda gave up on, and that can no longer be read.

import { RecordError } from "../errors.ts";
import type { BatchPointer, ObjectAddress } from "./message-content.ts";

/** Creates the error for records that are no longer in the stream. */
export const lostError = (pointer: BatchPointer, lost: number): RecordError => {
  const { approximateArrivalOfFirstRecord: from = "?", approximateArrivalOfLastRecord: to = "?" } = pointer;
  return new RecordError(
    "RECORD_LOST",
    `${lost} of ${pointer.batchSize} records are no longer in the stream: sequence numbers ${pointer.startSequenceNumber} ` +
      `to ${pointer.endSequenceNumber} of ${pointer.shardId}, which arrived from ${from} to ${to}; ` +
      "run sluice verify --repair, and for append targets touch the items that changed in that time",
  );
};

/** Returns an object's address in the notation of the AWS CLI. */
export const objectUrl = ({ bucket, key }: ObjectAddress): string => `s3://${bucket}/${key}`;

/** Creates the error for an object that no longer exists. A redrive deletes the objects that it has delivered. */
export const lostObjectError = (address: ObjectAddress): RecordError =>
  new RecordError(
    "RECORD_LOST",
    `the object ${objectUrl(address)} is gone, with a batch that Lambda gave up on; unless it was redriven, ` +
      "run sluice verify --repair, and for append targets touch the items that changed before it was written",
  );
