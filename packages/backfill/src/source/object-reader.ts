// Reads the objects of an export from S3.

import { awsClientDefaults, type LazyClient, lazyClient, missingDependency } from "@sluice/core/sink-kit";
import { withinTime } from "./request-time.ts";
import { SourceError } from "./source.ts";
import { objectFailure } from "./source-failure.ts";

/** A place in S3. */
export interface ObjectPlace {
  readonly Bucket: string;
  readonly Key: string;
}

/** The content of an object. The SDK's bodies are streams, too; a body that is no stream is read as a whole. */
export interface ObjectBody {
  readonly transformToByteArray: () => Promise<Uint8Array>;
}

/** The call of `S3` from `@aws-sdk/client-s3` that an export makes; your own client fits. */
export interface ObjectReader {
  readonly getObject: (
    input: ObjectPlace,
    options: { readonly abortSignal: AbortSignal },
  ) => Promise<{ readonly Body?: ObjectBody | undefined }>;
}

/** Returns the address of a place: `s3://bucket/key`. */
export const addressOf = ({ Bucket, Key }: ObjectPlace): string => `s3://${Bucket}/${Key}`;

/** Parses an address. @throws {SourceError} when it is not of the form `s3://bucket/key`. */
export const placeOf = (address: string): ObjectPlace => {
  const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.*)$/s.exec(address) ?? [];
  if (Bucket !== undefined && Key !== undefined) return { Bucket, Key };
  throw new SourceError(`the address is "${address}"; expected s3://bucket/key`);
};

/** Returns the user's client, or loads one at the first request. The SDK's retries are off: the source has its own. */
export const objectReader = (client: ObjectReader | undefined): LazyClient<ObjectReader> =>
  lazyClient<ObjectReader>(client, async () => {
    const { S3 } = await import("@aws-sdk/client-s3").catch(missingDependency("exportSource", "@aws-sdk/client-s3"));
    return new S3({ ...awsClientDefaults, followRegionRedirects: true });
  });

const isStream = (body: ObjectBody): body is ObjectBody & AsyncIterable<Uint8Array> => Symbol.asyncIterator in body;

/** S3 sends the next bytes within a second. A connection that was cut without a notice never does. */
const stallMs = 60_000;

/** Destroys a stream of Node, whose iterator waits for the pending chunk before it ends. */
const destroy = (stream: object): void => {
  if ("destroy" in stream && typeof stream.destroy === "function") stream.destroy();
};

/** Yields the chunks of a stream. It is an error if a chunk does not arrive in time, or if the signal aborts before. */
async function* chunksOf(stream: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const chunks = stream[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await withinTime(signal, stallMs, () => chunks.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    destroy(stream);
    // An iterator that waits for a chunk does not end. Nothing depends on its end.
    chunks.return?.().catch(() => {});
  }
}

/** Yields the bytes of an object in chunks. */
export async function* bytesOf(
  client: ObjectReader,
  place: ObjectPlace,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { Body } = await withinTime(signal, stallMs, (abortSignal) => client.getObject(place, { abortSignal }));
  if (Body === undefined) throw new SourceError(`[${addressOf(place)}] the object has no body; expected its bytes`);
  if (isStream(Body)) yield* chunksOf(Body, signal);
  else yield await Body.transformToByteArray();
}

/** The largest manifest that is read. A manifest of 100,000 files has 25 MB. */
const maxManifestBytes = 256 * 1024 * 1024;

/** Reads a whole object. */
export const readWhole = async (client: ObjectReader, place: ObjectPlace, signal: AbortSignal): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytesOf(client, place, signal)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length <= maxManifestBytes) continue;
    throw new SourceError(`[${addressOf(place)}] has more than ${maxManifestBytes} bytes; expected a manifest`);
  }
  return Buffer.concat(chunks);
};

/** Reads a whole object; undefined if it is missing, or if S3 denies access, as it does for a missing object. */
export const readIfThere = async (
  client: ObjectReader,
  place: ObjectPlace,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> => {
  try {
    return await readWhole(client, place, signal);
  } catch (error) {
    const failure = objectFailure(addressOf(place), error);
    if (failure.isMissing || failure.isDenied) return undefined;
    throw error;
  }
};
