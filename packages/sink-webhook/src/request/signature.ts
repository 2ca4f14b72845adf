// Signs requests by Standard Webhooks. https://github.com/standard-webhooks/standard-webhooks (read 2026-11-23)

import { createHmac } from "node:crypto";

/** Key of a secret such as `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`; undefined unless the key has 24 to 64 bytes. */
export const keyOf = (secret: string): Buffer | undefined => {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  const key = Buffer.from(base64 ?? "", "base64");
  return key.length >= 24 && key.length <= 64 ? key : undefined;
};

/** Returns the headers of the standard, with one signature per key: two during a rotation, none without keys. */
export const signatureHeaders = (
  id: string,
  nowMs: number,
  body: string,
  keys: readonly Buffer[],
): Readonly<Record<string, string>> => {
  const timestamp = Math.floor(nowMs / 1_000);
  const signatureBy = (key: Buffer): string =>
    `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
  const headers = { "webhook-id": id, "webhook-timestamp": String(timestamp) };
  return keys.length === 0 ? headers : { ...headers, "webhook-signature": keys.map(signatureBy).join(" ") };
};
