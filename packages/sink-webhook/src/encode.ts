// Turns a delivery into its request, without I/O. The signature is added later, because it depends on the time.

import { validateHeaderName, validateHeaderValue } from "node:http";
import {
  type AppendDelivery,
  entriesOf,
  headerKey,
  jsonText,
  messageOf,
  rejected,
  SinkError,
  textMember,
  wrongType,
} from "@sluice/core/sink-kit";

/** A method of a request. */
export type WebhookMethod = "POST" | "PUT" | "PATCH" | "DELETE";

/** The request that a mapper returns. Null in an optional member means that the member is absent. */
export interface WebhookMessage {
  /** A string is sent unchanged, any other value as lossless JSON. Default, also for null: an empty body. */
  readonly body?: unknown;
  /** Percent-encoded path to append to the sink's URL, for an API with a path for each resource: `/customers/42`. */
  readonly path?: string | null | undefined;
  /** Default: the option `method` of the sink. */
  readonly method?: WebhookMethod | null | undefined;
  /** Additional headers. They override headers of the same name in the options. */
  readonly headers?: { readonly [name: string]: string | null | undefined } | null | undefined;
}

/** The settings that `encode` needs. */
export interface RequestDefaults {
  readonly name: string;
  readonly url: URL;
  readonly method: WebhookMethod;
  readonly headers: { readonly [name: string]: string };
  readonly maxBodyBytes: number;
}

/** A request without its signature. */
export interface EncodedRequest {
  /** The value of `webhook-id` and `Idempotency-Key`. */
  readonly id: string;
  readonly url: URL;
  readonly method: WebhookMethod;
  /** Headers, with names in lower case. */
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
}

/** Headers that only the sink and Node.js may set. */
const reserved =
  /^(connection|content-length|expect|host|idempotency-key|keep-alive|proxy-authorization|sluice-version|te|trailer|transfer-encoding|upgrade|webhook-(id|signature|timestamp))$/i;

/** Returns why these headers cannot be sent; undefined if they can. The text has no values, as these may be secret. */
export const headerFault = (headers: { readonly [name: string]: unknown }): string | undefined => {
  for (const [name, value] of Object.entries(headers)) {
    if (reserved.test(name)) return `header ${name} is set by the sink`;
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value as string);
    } catch {
      return "a header has a name or a value that HTTP does not allow";
    }
    if (typeof value !== "string") return `header ${name} is not a string`;
  }
  return undefined;
};

/** Returns the headers with their names in lower case. */
export const lowerCased = (headers: { readonly [name: string]: string }): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

const urlOf = ({ name, url }: RequestDefaults, path: unknown): URL => {
  if (path === undefined || path === null) return url;
  const text = textMember(name, "message.path", path);
  if (!text.startsWith("/")) {
    throw rejected(name, "message.path does not start with a slash; expected a path such as /customers/42");
  }
  const base = url.pathname.replace(/\/$/, "");
  const target = new URL(url);
  target.search = "";
  const joined = new URL(`${target.origin}${base}${text}`);
  // The path must stay below the sink's URL. Paths such as "/../admin" and "/%2e%2e/admin" do not.
  if (!joined.pathname.startsWith(`${base}/`)) throw rejected(name, "message.path leaves the URL of the sink");
  return joined;
};

const methods: ReadonlySet<unknown> = new Set<WebhookMethod>(["POST", "PUT", "PATCH", "DELETE"]);

/** Whether the value is one of the methods. */
export const isMethod = (method: unknown): method is WebhookMethod => methods.has(method);

const otherMethod = (sink: string, method: unknown): SinkError => {
  const expected = "POST, PUT, PATCH or DELETE";
  if (typeof method !== "string") return wrongType(sink, "message.method", method, expected);
  return rejected(sink, `message.method is another text; expected ${expected}`);
};

const bodyOf = ({ name, maxBodyBytes }: RequestDefaults, body: unknown): string => {
  const isAbsent = body === undefined || body === null;
  const text = typeof body === "string" ? body : isAbsent ? "" : jsonText(name, "body", body);
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBodyBytes) return text;
  throw new SinkError("SINK_TOO_LARGE", `[${name}] the body is ${bytes} bytes; the limit is ${maxBodyBytes}`);
};

/**
 * Returns the request of a delivery.
 * @throws {SinkError} SINK_TOO_LARGE when the body exceeds `maxBodyBytes`, SINK_REJECTED when the message is invalid.
 */
export const encode = (delivery: AppendDelivery<WebhookMessage>, defaults: RequestDefaults): EncodedRequest => {
  const { name } = defaults;
  const message = messageOf(name, delivery);
  const method: unknown = message.method ?? defaults.method;
  if (!isMethod(method)) throw otherMethod(name, method);
  const headers = Object.fromEntries(entriesOf(name, "message.headers", message.headers));
  const fault = headerFault(headers);
  if (fault !== undefined) throw rejected(name, `message.headers: ${fault}`);
  const id = headerKey(delivery.idempotencyKey);
  const body = bodyOf(defaults, message.body);
  return {
    id,
    url: urlOf(defaults, message.path),
    method,
    headers: {
      "content-type": "application/json",
      "user-agent": "sluice",
      ...defaults.headers,
      ...lowerCased(headers as { readonly [name: string]: string }),
      "content-length": String(Buffer.byteLength(body)),
      "idempotency-key": id,
      "sluice-version": delivery.change.version,
    },
    body,
  };
};
