// The letterbox that a place names. Clients are loaded when they are needed.

import { type AwsOptions, s3Client, sqsClient } from "../aws/clients.ts";
import { fileLetterbox } from "./file-source.ts";
import type { Letterbox } from "./message-source.ts";
import { objectLetterbox } from "./object-source.ts";
import type { LetterPlace } from "./source-address.ts";
import { queueLetterbox } from "./queue-source.ts";

/** The queue as a letterbox. */
export const openQueue = async (queueUrl: string, aws: AwsOptions): Promise<Letterbox> =>
  queueLetterbox({ client: await sqsClient(aws, queueUrl), queueUrl, now: Date.now });

/** The letterbox at a place. */
export const openLetterbox = async (place: LetterPlace, aws: AwsOptions): Promise<Letterbox> => {
  if (place.kind === "file") return fileLetterbox(place.path);
  if (place.kind === "queue") return openQueue(place.url, aws);
  return objectLetterbox(await s3Client(aws), place.bucket, place.prefix);
};
