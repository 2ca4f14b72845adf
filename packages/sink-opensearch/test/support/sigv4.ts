// Computes the signature of a request as AWS documents it. Does not use the client's signer, which the tests check.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html (read 2026-11-23)

import { createHash, createHmac } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** A request as a server received it. */
export interface SignedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const sha256 = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);

const canonicalQuery = (query: string): string =>
  [...new URLSearchParams(query)]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join("&");

const canonicalRequest = ({ method, url, headers, body }: SignedRequest, signedHeaders: string): string => {
  const [path = "", query = ""] = url.split("?");
  // Every service except S3 encodes the path a second time.
  const canonicalPath = path.split("/").map(encoded).join("/");
  const lines = signedHeaders.split(";").map((name) => `${name}:${String(headers[name]).trim()}\n`);
  return [method, canonicalPath, canonicalQuery(query), lines.join(""), signedHeaders, sha256(body)].join("\n");
};

/** Computes the signature of a request. Takes the time, the scope and the list of signed headers from the request. */
export const signatureOf = (request: SignedRequest, secretAccessKey: string): string => {
  const { authorization = "", "x-amz-date": time } = request.headers;
  const [, scope = "", signedHeaders = ""] =
    /Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+),/.exec(authorization) ?? [];
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(canonicalRequest(request, signedHeaders))].join("\n");
  const key = scope.split("/").reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  return hmac(key, toSign).toString("hex");
};
