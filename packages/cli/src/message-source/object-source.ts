// The objects under a prefix of an S3 bucket as a letterbox.

import { eachBounded } from "@sluice/core/sink-kit";
import { awsFailure } from "../aws/aws-failure.ts";
import type { Letterbox, Taken } from "./message-source.ts";

/** The calls of `S3` from `@aws-sdk/client-s3` that are used. */
export interface ObjectClient {
  readonly listObjectsV2: (input: { Bucket: string; Prefix: string; ContinuationToken?: string }) => Promise<{
    readonly Contents?: readonly { readonly Key?: string | undefined }[] | undefined;
    readonly NextContinuationToken?: string | undefined;
  }>;
  readonly getObject: (input: { Bucket: string; Key: string }) => Promise<{
    readonly Body?: { readonly transformToString: () => Promise<string> } | undefined;
  }>;
  readonly deleteObject: (input: { Bucket: string; Key: string }) => Promise<unknown>;
  readonly destroy?: () => void;
}

const requestsAtOnce = 8;

/** Nobody else takes objects away: there is nothing to hold and nothing to put back. */
export const objectLetterbox = (client: ObjectClient, Bucket: string, Prefix: string): Letterbox => {
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

  const read = async (Key: string): Promise<Taken> => {
    const { Body } = await client.getObject({ Bucket, Key });
    return { id: Key, text: (await Body?.transformToString()) ?? "" };
  };

  const told = async <Value>(work: Promise<Value>): Promise<Value> => {
    try {
      return await work;
    } catch (error) {
      throw awsFailure(name, error);
    }
  };

  return {
    name,
    comesInRounds: false,
    look: async () => {
      listed = await told(list());
      return { waiting: listed.length, hidden: 0, removedBefore: 0, notes: [] };
    },
    takeOut: async (pass, signal) => {
      for (const key of listed ?? (await told(list()))) {
        if (signal.aborted) break;
        await pass(await told(read(key)));
      }
      return { isFull: false };
    },
    remove: async (ids) => {
      const left = await eachBounded(ids, requestsAtOnce, (Key) =>
        client.deleteObject({ Bucket, Key }).then(
          () => undefined,
          () => Key,
        ),
      );
      return left.filter((key) => key !== undefined);
    },
    putBack: async () => 0,
    lapsed: () => 0,
    close: async () => client.destroy?.(),
  };
};
