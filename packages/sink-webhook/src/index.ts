export type { WebhookMessage, WebhookMethod } from "./encode.ts";
export type { CircuitBreakerOptions, WebhookSinkOptions, WebhookTls } from "./options.ts";
export type { AddressResolver, ResolvedAddress } from "./request/address-rule.ts";
export { webhookSink } from "./sink.ts";
