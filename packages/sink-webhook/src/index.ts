export type { AddressResolver, ResolvedAddress } from "./address.ts";
export type { CircuitOptions } from "./circuit.ts";
export type { WebhookMessage, WebhookMethod } from "./encode.ts";
export type { WebhookSinkOptions, WebhookTls } from "./options.ts";
export { webhookSink } from "./sink.ts";
