// From a delivery to the request that is its own, without what depends on the time. Pure.

import { createHash } from "node:crypto";
import { validateHeaderName, validateHeaderValue } from "node:http";
import { type AppendDelivery, jsonText, messageOf, SinkError } from "@sluice/core/sink-kit";

export type WebhookMethod = "POST" | "PUT" | "PATCH" | "DELETE";

/** What the endpoint is sent for one change. */
export interface WebhookMessage {
  /** Sent as JSON text; a text is sent as it is. Absent: an empty body. */
  readonly body?: unknown;
  /** Added to the sink's URL, for an API with one path for each thing: `/customers/42`. Encode what you put in. */
  readonly path?: string;
  /** Default: the sink's. */
  readonly method?: WebhookMethod;
  /** Beside the sink's own; over them where a name is the same. */
  readonly headers?: { readonly [name: string]: string };
}

/** The part of the settings that a request is made of. */
export interface RequestSettings {
  readonly name: string;
  readonly url: URL;
  readonly method: WebhookMethod;
  readonly headers: { readonly [name: string]: string };
  readonly maxBodyBytes: number;
}

/** A request, but for its signature. */
export interface EncodedRequest {
  /** Value of `webhook-id` and `Idempotency-Key`. */
  readonly id: string;
  readonly url: URL;
  readonly method: WebhookMethod;
  /** Names in lower case. */
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
}

/** What the sink and Node.js set themselves: a mapper that sets them too would lie about the request. */
const reserved: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "idempotency-key",
  "keep-alive",
  "proxy-authorization",
  "sluice-version",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "webhook-id",
  "webhook-signature",
  "webhook-timestamp",
]);

/** Why these headers cannot be sent; undefined when they can. Names only: values may be credentials. */
export const headerFault = (headers: { readonly [name: string]: unknown }): string | undefined => {
  for (const [name, value] of Object.entries(headers)) {
    if (reserved.has(name.toLowerCase())) return `header ${name} is set by the sink`;
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value as string);
    } catch {
      return "a header has a name or a value that HTTP does not allow";
    }
    if (typeof value !== "string") return `header ${name} is no text`;
  }
  return undefined;
};

const lowerCased = (headers: { readonly [name: string]: string }): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** The key as it is where it fits a header; a full stop would make the signed text ambiguous. */
export const idOf = (idempotencyKey: string): string =>
  /^[\x21-\x2d\x2f-\x7e]{1,255}$/.test(idempotencyKey)
    ? idempotencyKey
    : `sha256:${createHash("sha256").update(idempotencyKey).digest("base64url")}`;

const rejected = (name: string, found: string): SinkError => new SinkError("SINK_REJECTED", `[${name}] ${found}`);

const urlOf = ({ name, url }: RequestSettings, path: unknown): URL => {
  if (path === undefined) return url;
  if (typeof path !== "string" || !path.startsWith("/")) {
    throw rejected(name, "message.path does not start with a slash; expected a path such as /customers/42");
  }
  const base = url.pathname.replace(/\/$/, "");
  const target = new URL(url);
  target.search = "";
  const joined = new URL(`${target.origin}${base}${path}`);
  // Neither "/../admin" nor "/%2e%2e/admin" leaves the sink's URL.
  if (!joined.pathname.startsWith(`${base}/`)) throw rejected(name, "message.path leads out of the sink's URL");
  return joined;
};

const methods: ReadonlySet<unknown> = new Set<WebhookMethod>(["POST", "PUT", "PATCH", "DELETE"]);

/** Whether it is one of the methods. */
export const isMethod = (method: unknown): method is WebhookMethod => methods.has(method);

const bodyOf = ({ name, maxBodyBytes }: RequestSettings, body: unknown): string => {
  const text = typeof body === "string" ? body : body === undefined ? "" : jsonText(name, "body", body);
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBodyBytes) return text;
  throw new SinkError("SINK_TOO_LARGE", `[${name}] the body is ${bytes} bytes; the limit is ${maxBodyBytes}`);
};

/**
 * The request of a delivery.
 * @throws {SinkError} SINK_TOO_LARGE when the body is over `maxBodyBytes`, SINK_REJECTED when the message is no message.
 */
export const encode = (delivery: AppendDelivery<WebhookMessage>, settings: RequestSettings): EncodedRequest => {
  const { name } = settings;
  const message = messageOf(name, delivery);
  const { method = settings.method, headers = {} } = message;
  if (!isMethod(method)) throw rejected(name, "message.method is none of POST, PUT, PATCH and DELETE");
  const fault = headerFault(headers);
  if (fault !== undefined) throw rejected(name, `message.headers: ${fault}`);
  const id = idOf(delivery.idempotencyKey);
  const body = bodyOf(settings, message.body);
  return {
    id,
    url: urlOf(settings, message.path),
    method,
    headers: {
      "content-type": "application/json",
      "user-agent": "sluice",
      ...settings.headers,
      ...lowerCased(headers),
      "content-length": String(Buffer.byteLength(body)),
      "idempotency-key": id,
      "sluice-version": delivery.change.version,
    },
    body,
  };
};
