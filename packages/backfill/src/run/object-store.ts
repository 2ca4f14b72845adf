// Keeps the state of a run in an object of S3. Each save expects the object that this process wrote before.

import { randomUUID } from "node:crypto";
import { type RunState, RunStateError } from "./run-state.ts";
import { type RunStore, takenBy } from "./run-store.ts";
import { stateIn, stateText } from "./state-text.ts";

/** The methods of the SDK's client `S3` that the store calls. You may pass your own client of that class. */
export interface RunObjectClient {
  readonly getObject: (input: { Bucket: string; Key: string }) => Promise<{
    readonly Body?: { readonly transformToString: () => Promise<string> } | undefined;
    readonly ETag?: string | undefined;
  }>;
  readonly putObject: (input: {
    Bucket: string;
    Key: string;
    Body: string;
    ContentType: string;
    IfMatch?: string;
    IfNoneMatch?: string;
  }) => Promise<{ readonly ETag?: string | undefined }>;
}

/** Where the object is. */
export interface ObjectStoreOptions {
  readonly client: RunObjectClient;
  /** `s3://bucket/key` */
  readonly url: string;
  readonly run: string;
}

const statusOf = (error: unknown): number | undefined =>
  (error as { readonly $metadata?: { readonly httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;

const placeIn = (url: string): { readonly Bucket: string; readonly Key: string } => {
  const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(url) ?? [];
  if (Bucket !== undefined && Key !== undefined) return { Bucket, Key };
  throw new RunStateError(`"${url}" is no address of an object; expected s3://bucket/key`);
};

/**
 * Keeps the state of a run in an object. `open` writes the object again, so a process that worked on the run before
 * notices at its next save, and ends.
 * @throws {RunStateError} when the URL names no object
 */
export const objectStore = ({ client, url, run }: ObjectStoreOptions): RunStore => {
  const place = placeIn(url);
  /** ETag of the object as this process knows it. Undefined if the object does not exist. */
  let etag: string | undefined;
  // An ETag is a digest of the content. Without the writer's name, two processes would write equal objects.
  const writer = randomUUID();
  const put = async (text: string): Promise<void> => {
    const condition = etag === undefined ? { IfNoneMatch: "*" } : { IfMatch: etag };
    const request = { ...place, Body: text, ContentType: "application/json", ...condition };
    const answer = await client.putObject(request).catch((error: unknown) => {
      const status = statusOf(error);
      // 412: the object is another one. 409: it is being replaced right now. 404: it was deleted, or there is no bucket.
      if (status === 412 || status === 409 || (status === 404 && etag !== undefined)) throw takenBy(url);
      throw error;
    });
    etag = answer.ETag;
  };
  return {
    place: url,
    open: async () => {
      const found = await client.getObject(place).catch((error: unknown) => {
        if (statusOf(error) === 404) return undefined;
        throw error;
      });
      etag = found?.ETag;
      if (found === undefined) return undefined;
      const state = stateIn((await found.Body?.transformToString()) ?? "", run, url);
      await put(stateText(state, writer));
      return state;
    },
    save: (state: RunState) => put(stateText(state, writer)),
    close: async () => undefined,
  };
};
