export type { AddressResolver, ResolvedAddress } from "./address.ts";
export type { CircuitOptions } from "./circuit.ts";
export type { WebhookMessage, WebhookMethod } from "./encode.ts";
export type { WebhookOptions, WebhookTls } from "./options.ts";
export { webhook } from "./sink.ts";
