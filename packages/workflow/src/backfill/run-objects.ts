// The objects of a run in S3: its plan, its rate, the state of each unit, and its report. The state of a unit is written
// under a condition, so that a worker that was believed dead cannot overwrite what its successor has written.

import { type AwsService, awsRequestError, isTransient, type LazyClient } from "@sluice/core/sink-kit";
import { UnitFailedError, UnitInterruptedError } from "./errors.ts";

interface ObjectPlace {
  readonly Bucket: string;
  readonly Key: string;
}

/** The calls of `S3` from `@aws-sdk/client-s3` that keep the state of a run; your own client fits. */
export interface RunObjectsClient {
  readonly getObject: (input: ObjectPlace) => Promise<{
    readonly Body?: { readonly transformToString: () => Promise<string> } | undefined;
    readonly ETag?: string | undefined;
  }>;
  readonly putObject: (
    input: ObjectPlace & { Body: string; IfMatch?: string; IfNoneMatch?: string },
  ) => Promise<{ readonly ETag?: string | undefined }>;
  readonly listObjectsV2: (input: { Bucket: string; Prefix: string; ContinuationToken?: string }) => Promise<{
    readonly Contents?: readonly { readonly Key?: string | undefined }[] | undefined;
    readonly NextContinuationToken?: string | undefined;
  }>;
}

/** An object, and the tag under which it may be replaced. */
export interface Stored {
  readonly text: string;
  readonly etag: string | undefined;
}

/** Reads and writes the objects of one run. The names are relative to the run's prefix. */
export interface RunObjects {
  /** Undefined if the object does not exist. */
  readonly read: (name: string) => Promise<Stored | undefined>;
  readonly write: (name: string, text: string) => Promise<void>;
  /**
   * Replaces an object that was read; `replaced` is undefined if the object did not exist.
   * @throws {UnitInterruptedError} UNIT_INTERRUPTED when another worker has written the object.
   */
  readonly replace: (name: string, text: string, replaced: Stored | undefined) => Promise<Stored>;
  /** Names of all objects that begin with a text. */
  readonly list: (beginning: string) => Promise<readonly string[]>;
}

/** Where the objects of a run are. */
export interface RunPlace {
  readonly bucket: string;
  /** Beginning of the objects' keys. Ends with a slash. */
  readonly prefix: string;
}

const s3: AwsService = { name: "S3", codes: { NoSuchBucket: "SINK_MISSING", NoSuchKey: "SINK_GONE" } };

/** Whether another worker has written the object since it was read, or writes it at this moment. */
const isConflict = (error: unknown): boolean =>
  error instanceof Error && /^(PreconditionFailed|ConditionalRequestConflict)$/.test(error.name);

const isMissing = (error: unknown): boolean => error instanceof Error && error.name === "NoSuchKey";

/** A bucket that does not exist, or that the role may not use, is as wrong at the next attempt. */
const fail = (error: unknown): never => {
  const cause = awsRequestError("run store", s3, error);
  if (isTransient(cause.code)) throw new UnitInterruptedError(cause.message, { cause });
  throw new UnitFailedError(cause.message, { cause });
};

/** Opens the objects of a run. */
export const openRunObjects = (connection: LazyClient<RunObjectsClient>, { bucket, prefix }: RunPlace): RunObjects => {
  const placeOf = (name: string): ObjectPlace => ({ Bucket: bucket, Key: `${prefix}${name}` });
  const read = async (name: string): Promise<Stored | undefined> => {
    const client = await connection.get();
    try {
      const { Body, ETag } = await client.getObject(placeOf(name));
      return { text: (await Body?.transformToString()) ?? "", etag: ETag };
    } catch (error) {
      return isMissing(error) ? undefined : fail(error);
    }
  };
  const replace = async (name: string, text: string, replaced: Stored | undefined): Promise<Stored> => {
    const client = await connection.get();
    const condition = replaced?.etag === undefined ? { IfNoneMatch: "*" } : { IfMatch: replaced.etag };
    try {
      const { ETag } = await client.putObject({ ...placeOf(name), Body: text, ...condition });
      return { text, etag: ETag };
    } catch (error) {
      if (!isConflict(error)) return fail(error);
      throw new UnitInterruptedError(`another worker has written ${name} meanwhile; expected no other worker`);
    }
  };
  const list = async (beginning: string): Promise<readonly string[]> => {
    const client = await connection.get();
    const names: string[] = [];
    let token: string | undefined;
    do {
      const page = { Bucket: bucket, Prefix: `${prefix}${beginning}` };
      const { Contents = [], NextContinuationToken } = await client
        .listObjectsV2(token === undefined ? page : { ...page, ContinuationToken: token })
        .catch(fail);
      for (const { Key = "" } of Contents) names.push(Key.slice(prefix.length));
      token = NextContinuationToken;
    } while (token !== undefined);
    return names;
  };
  return {
    read,
    replace,
    list,
    write: async (name, text) => {
      const client = await connection.get();
      await client.putObject({ ...placeOf(name), Body: text }).catch(fail);
    },
  };
};
