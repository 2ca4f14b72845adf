export type { WebhookMessage, WebhookMethod } from "./encode.ts";
export type { WebhookSinkOptions, WebhookTls } from "./options.ts";
export type { AddressResolver, ResolvedAddress } from "./request/address-rule.ts";
export type { CircuitOptions } from "./request/endpoint-health.ts";
export { webhookSink } from "./sink.ts";
