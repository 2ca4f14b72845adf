// A bucket of S3 in memory, for readers of exports.

/** The bytes of an object in memory, as the SDK returns them: a stream, which is also read as a whole. */
export interface MemoryBody extends AsyncIterable<Uint8Array> {
  readonly transformToByteArray: () => Promise<Uint8Array>;
}

/** A bucket in memory. */
export interface MemoryBucket {
  readonly getObject: (input: {
    readonly Bucket: string;
    readonly Key: string;
  }) => Promise<{ readonly Body: MemoryBody; readonly ContentLength: number }>;
  /** The bytes of each object, by its key. A test may change them. */
  readonly objects: Map<string, Uint8Array>;
  /** The keys that were read, in order. */
  readonly reads: () => readonly string[];
}

/** S3's error for an object or a bucket that does not exist. */
const missing = (name: "NoSuchKey" | "NoSuchBucket", what: string): Error =>
  Object.assign(new Error(`The specified ${what} does not exist.`), { name, $metadata: { httpStatusCode: 404 } });

const chunkBytes = 16 * 1024;

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let start = 0; start < bytes.length; start += chunkBytes) yield bytes.subarray(start, start + chunkBytes);
}

const bodyOf = (bytes: Uint8Array): MemoryBody => ({
  [Symbol.asyncIterator]: () => chunksOf(bytes),
  transformToByteArray: async () => bytes,
});

/** Creates a bucket with these objects, for example with those of `writeExport`. It fits where an `S3` client is read. */
export const memoryBucket = (content: {
  readonly bucket: string;
  readonly objects: ReadonlyMap<string, Uint8Array>;
}): MemoryBucket => {
  const objects = new Map(content.objects);
  const reads: string[] = [];
  return {
    getObject: async ({ Bucket, Key }) => {
      reads.push(Key);
      if (Bucket !== content.bucket) throw missing("NoSuchBucket", "bucket");
      const bytes = objects.get(Key);
      if (bytes === undefined) throw missing("NoSuchKey", "key");
      return { Body: bodyOf(bytes), ContentLength: bytes.length };
    },
    objects,
    reads: () => [...reads],
  };
};
