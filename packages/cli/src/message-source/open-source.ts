// Opens message sources. Loads an AWS client only if the source needs it.

import { type MessageSource, queueSource } from "@sluice/inspect/queue";
import { failing } from "../aws/aws-failure.ts";
import { type AwsOptions, s3Client, sqsClient } from "../aws/clients.ts";
import { fileSource } from "./file-source.ts";
import { objectSource } from "./object-source.ts";
import type { SourceAddress } from "./source-address.ts";

/** Opens a queue as a message source. */
export const openQueue = async (queueUrl: string, aws: AwsOptions): Promise<MessageSource> =>
  queueSource({ client: await sqsClient(aws, queueUrl), queueUrl, now: Date.now, failing });

/** Opens the source at an address. */
export const openSource = async (address: SourceAddress, aws: AwsOptions): Promise<MessageSource> => {
  if (address.kind === "file") return fileSource(address.path);
  if (address.kind === "queue") return openQueue(address.url, aws);
  return objectSource(await s3Client(aws), address.bucket, address.prefix);
};
