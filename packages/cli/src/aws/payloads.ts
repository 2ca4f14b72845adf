// Records that stand in S3 because no message could hold them, and their envelopes' addresses.

import { decodeEnvelope, type Envelope } from "@sluice/core/envelope";

/** The calls of `S3` from `@aws-sdk/client-s3` that are used. */
export interface ClaimClient {
  readonly getObject: (input: { Bucket: string; Key: string }) => Promise<{
    readonly Body?: { readonly transformToByteArray: () => Promise<Uint8Array> } | undefined;
  }>;
  readonly deleteObject: (input: { Bucket: string; Key: string }) => Promise<unknown>;
  readonly destroy?: () => void;
}

export interface Claims {
  /**
   * The envelope with its record; undefined where that is gone for good.
   * @throws what S3 answers else
   */
  readonly fetch: (envelope: Envelope) => Promise<Envelope | undefined>;
  /** Removes a record. @throws what S3 answers */
  readonly remove: (claim: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** As `s3PayloadStore` names its objects. */
const address = /^s3:\/\/([^/]+)\/(.*[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json\.gz)$/;

const placeOf = (claim: string): { readonly Bucket: string; readonly Key: string } | undefined => {
  const [, Bucket, Key] = address.exec(claim) ?? [];
  return Bucket === undefined || Key === undefined ? undefined : { Bucket, Key };
};

const isGone = (error: unknown): boolean => error instanceof Error && error.name === "NoSuchKey";

const inlined = ({ recordUrl: _, record: __, ...rest }: Envelope, gzip: Uint8Array): Envelope | undefined =>
  decodeEnvelope(JSON.stringify({ ...rest, recordGzip: Buffer.from(gzip).toString("base64") }));

/** Claims in S3. The client is made when the first one is met. */
export const claimsOf = (makeClient: () => Promise<ClaimClient>): Claims => {
  let making: Promise<ClaimClient> | undefined;
  const client = (): Promise<ClaimClient> => {
    making ??= makeClient();
    return making;
  };
  return {
    fetch: async (envelope) => {
      const place = placeOf(envelope.recordUrl ?? "");
      if (place === undefined) return undefined;
      try {
        const { Body } = await (await client()).getObject(place);
        return Body === undefined ? undefined : inlined(envelope, await Body.transformToByteArray());
      } catch (error) {
        if (isGone(error)) return undefined;
        throw error;
      }
    },
    remove: async (claim) => {
      const place = placeOf(claim);
      // A message may be anybody's: it must not make us delete what is no record of ours.
      if (place !== undefined) await (await client()).deleteObject(place);
    },
    close: async () => (await making)?.destroy?.(),
  };
};
