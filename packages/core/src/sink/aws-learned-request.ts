// Learns from a request that the SDK sent where and how the next request goes: endpoint, headers, region and service.
// Only body, time, trace and signature differ from request to request.

import { type AwsCredentials, type AwsSigner, amzDate, awsSigner, sha256 } from "./aws-signature.ts";

/** A request as the SDK's request handlers take it. */
export interface AwsHttpRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** All requests for one operation and one target, as learned from the first one. */
export interface LearnedRequest {
  /** The first request without its body and headers. */
  readonly request: Omit<AwsHttpRequest, "headers" | "body">;
  /** Headers that each request has and that are signed. */
  readonly signed: Readonly<Record<string, string>>;
  /** Headers that each request has and that are not signed. */
  readonly unsigned: Readonly<Record<string, string>>;
  readonly sign: AwsSigner;
}

/** Headers that belong to one request of the SDK. */
const ownHeaders =
  /^(?:authorization|content-length|x-amz-date|x-amz-content-sha256|x-amz-security-token|x-amzn-trace-id|amz-sdk-.*)$/;

const authorizationPattern =
  /^AWS4-HMAC-SHA256 Credential=[^ ,]*\/\d{8}\/([^/, ]+)\/([^/, ]+)\/aws4_request, SignedHeaders=([^ ,]+), /;

/** A POST request without a query and without a trace of its own. The body has one piece. */
type PlainRequest = AwsHttpRequest & { readonly body: string | Uint8Array };

const isPlain = (request: AwsHttpRequest): request is PlainRequest => {
  const { method, query, headers, body } = request;
  const isWhole = typeof body === "string" || body instanceof Uint8Array;
  return isWhole && method === "POST" && Object.keys(query).length === 0 && !("traceparent" in headers);
};

/**
 * Learns from a request that the SDK signed with these credentials. Undefined unless our signature of it equals the SDK's,
 * for example after a change of credentials, or for Signature Version 4A.
 */
export const learnRequest = (sent: AwsHttpRequest, credentials: AwsCredentials): LearnedRequest | undefined => {
  if (!isPlain(sent)) return undefined;
  const { headers, body, ...request } = sent;
  const all = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const { authorization = "", "x-amz-date": time = "" } = Object.fromEntries(all);
  const [, region, service, names] = authorizationPattern.exec(authorization) ?? [];
  if (region === undefined || service === undefined || names === undefined) return undefined;
  const signedNames = new Set(names.split(";"));
  const signed = Object.fromEntries(all.filter(([name]) => signedNames.has(name)));
  const sign = awsSigner(region, service);
  const ours = sign({ path: request.path, headers: signed, bodyHash: sha256(body) }, credentials, time);
  if (ours !== authorization) return undefined;
  const kept = all.filter(([name]) => !ownHeaders.test(name));
  return {
    request,
    signed: Object.fromEntries(kept.filter(([name]) => signedNames.has(name))),
    unsigned: Object.fromEntries(kept.filter(([name]) => !signedNames.has(name))),
    sign,
  };
};

/** Returns the next request: the learned one with another body, signed at the time `now`, in ms since 1970. */
export const nextRequest = (
  { request, signed, unsigned, sign }: LearnedRequest,
  body: string,
  credentials: AwsCredentials,
  now: number,
  traceId?: string,
): AwsHttpRequest => {
  const { sessionToken } = credentials;
  const time = amzDate(now);
  const bodyHash = sha256(body);
  const headers = {
    ...signed,
    "content-length": String(Buffer.byteLength(body)),
    "x-amz-content-sha256": bodyHash,
    "x-amz-date": time,
    ...(sessionToken && { "x-amz-security-token": sessionToken }),
  };
  const authorization = sign({ path: request.path, headers, bodyHash }, credentials, time);
  const trace = traceId !== undefined && { "x-amzn-trace-id": traceId };
  return { ...request, headers: { ...unsigned, ...headers, ...trace, authorization }, body };
};
