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

/** Attempts of a write that meets another one. */
const maxAttempts = 3;

/** @throws {RunStateError} when the bucket does not exist: S3 answers 404, as for an object. */
const checkBucket = (error: unknown, url: string): void => {
  if ((error as { readonly name?: unknown } | undefined)?.name !== "NoSuchBucket") return;
  throw new RunStateError(`the bucket of ${url} does not exist; expected the name of a bucket`, { cause: error });
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
  /** The ETag of the object if this process has written this text, and the answer was lost; else undefined. */
  const ownEtag = async (text: string): Promise<string | undefined> => {
    const found = await client.getObject(place).catch(() => undefined);
    return (await found?.Body?.transformToString()) === text ? found?.ETag : undefined;
  };
  /** Writes the object once. Resolves with its ETag; with 409 after a conflict with another request. */
  const putOnce = async (text: string): Promise<string | undefined | 409> => {
    const condition = etag === undefined ? { IfNoneMatch: "*" } : { IfMatch: etag };
    const request = { ...place, Body: text, ContentType: "application/json", ...condition };
    try {
      return (await client.putObject(request)).ETag;
    } catch (error) {
      checkBucket(error, url);
      const status = statusOf(error);
      if (status === 409) return status;
      if (status !== 412 && status !== 404) throw error;
      // 404: the object was deleted. 412: it is another one, or the one that an earlier attempt of the SDK wrote.
      const own = await ownEtag(text);
      if (own === undefined) throw takenBy(url);
      return own;
    }
  };
  const put = async (text: string): Promise<void> => {
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      const answer = await putOnce(text);
      // Whether the other request has replaced the object, the repeat says.
      if (answer === 409) continue;
      etag = answer;
      return;
    }
    throw takenBy(url);
  };
  return {
    place: url,
    open: async () => {
      const found = await client.getObject(place).catch((error: unknown) => {
        checkBucket(error, url);
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
