// Signature Version 4 of AWS, for POST requests without a query.
// @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html (read 2026-11-29)

import { createHash, createHmac } from "node:crypto";

/** Credentials as the SDK's providers return them. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** The request to sign. */
export interface SignableRequest {
  /** The path as it is sent, already encoded. */
  readonly path: string;
  /** All headers to sign. The names are in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The SHA-256 of the body in hexadecimal digits. */
  readonly bodyHash: string;
}

/** Signs requests for a region and service. Returns the header `authorization`. */
export type AwsSigner = (request: SignableRequest, credentials: AwsCredentials, time: string) => string;

/** Returns the SHA-256 of a text or of bytes in hexadecimal digits. */
export const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** Returns a time as the header `x-amz-date` has it: `20261129T000000Z`. */
export const amzDate = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+|[:-]/g, "");

/** Outer spaces and tabs are dropped, and inner ones become one space. */
const canonicalValue = (value: string): string => value.replace(/[ \t]+/g, " ").replace(/^ | $/g, "");

const encoded = (segment: string): string =>
  encodeURIComponent(segment).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);

/** Outside S3, the path in the signature is normalized, and encoded once more. */
const canonicalPath = (path: string): string => {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(encoded(segment));
  }
  return `/${segments.join("/")}${segments.length > 0 && path.endsWith("/") ? "/" : ""}`;
};

/** Creates a signer. It keeps the derived key until the day or the secret key changes. */
export const awsSigner = (region: string, service: string): AwsSigner => {
  let keyOf: { readonly secret: string; readonly day: string; readonly key: Buffer } | undefined;
  const signingKey = (secret: string, day: string): Buffer => {
    if (keyOf?.secret === secret && keyOf.day === day) return keyOf.key;
    const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), service), "aws4_request");
    keyOf = { secret, day, key };
    return key;
  };
  return ({ path, headers, bodyHash }, { accessKeyId, secretAccessKey }, time) => {
    const names = Object.keys(headers).sort();
    const lines = names.map((name) => `${name}:${canonicalValue(headers[name] ?? "")}\n`).join("");
    const signed = names.join(";");
    const day = time.slice(0, 8);
    const scope = `${day}/${region}/${service}/aws4_request`;
    const canonical = `POST\n${canonicalPath(path)}\n\n${lines}\n${signed}\n${bodyHash}`;
    const toSign = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`;
    const signature = hmac(signingKey(secretAccessKey, day), toSign).toString("hex");
    return `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
  };
};
