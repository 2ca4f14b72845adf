// A message source that reads the objects under a prefix of an S3 bucket.

import { eachBounded } from "@sluice/core/sink-kit";
import type { MessageSource, SourceMessage } from "@sluice/inspect/queue";
import { failing } from "../aws/aws-failure.ts";

/** The methods of the SDK's client `S3` that this message source calls. */
export interface ObjectClient {
  readonly listObjectsV2: (input: { Bucket: string; Prefix: string; ContinuationToken?: string }) => Promise<{
    readonly Contents?: readonly { readonly Key?: string | undefined }[] | undefined;
    readonly NextContinuationToken?: string | undefined;
  }>;
  readonly getObject: (input: { Bucket: string; Key: string }) => Promise<{
    readonly Body?: { readonly transformToString: () => Promise<string> } | undefined;
    readonly ContentLength?: number | undefined;
  }>;
  readonly deleteObject: (input: { Bucket: string; Key: string }) => Promise<unknown>;
  readonly destroy?: () => void;
}

const requestsAtOnce = 8;

/** The handler reads at most this many bytes of an object, too. A batch of Lambda has at most 6 MB. */
const maxObjectBytes = 32 * 1_048_576;

/** Creates a message source that reads the objects under a prefix. Does not hide the objects from other readers. */
export const objectSource = (client: ObjectClient, Bucket: string, Prefix: string): MessageSource => {
  const name = `s3://${Bucket}/${Prefix}`;
  let listed: readonly string[] | undefined;

  const list = async (): Promise<readonly string[]> => {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const page = await client.listObjectsV2({ Bucket, Prefix, ...(token && { ContinuationToken: token }) });
      keys.push(...(page.Contents ?? []).flatMap(({ Key }) => (Key === undefined || Key.endsWith("/") ? [] : [Key])));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return keys;
  };

  const read = async (Key: string): Promise<SourceMessage> => {
    const { Body, ContentLength = 0 } = await client.getObject({ Bucket, Key });
    // The object is no batch of Lambda. With an empty body, it is unsupported, and stays.
    if (ContentLength > maxObjectBytes) return { id: Key, body: "" };
    return { id: Key, body: (await Body?.transformToString()) ?? "" };
  };

  return {
    name,
    isFifo: false,
    status: async () => {
      listed = await list().catch(failing(name));
      return { available: listed.length, hidden: 0, alreadyDone: 0, notes: [] };
    },
    receiveAll: async (pass, signal) => {
      for (const key of listed ?? (await list().catch(failing(name)))) {
        if (signal.aborted) break;
        await pass(await read(key).catch(failing(name)));
      }
      return { isFull: false };
    },
    remove: async (ids) => {
      const left = await eachBounded(ids, requestsAtOnce, (Key) =>
        client.deleteObject({ Bucket, Key }).then(
          () => [],
          () => [Key],
        ),
      );
      return left.flat();
    },
    release: async () => 0,
    expired: () => 0,
    close: async () => client.destroy?.(),
  };
};
