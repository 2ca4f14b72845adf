// The values of the variables that a module names and nobody has set: tables, queues, topics and addresses of the engines.

import type { DevEngines } from "../engines/engines.ts";

/** Something that has to be created, so that a variable can name it. */
export type Resource =
  | { readonly kind: "queue"; readonly name: string; readonly use: QueueUse }
  | { readonly kind: "topic"; readonly name: string };

/** What a queue is for. */
export type QueueUse = "dead letters" | "retry queue" | "target";

/** How a variable gets its value. */
export type Provision = { readonly value: string } | { readonly resource: Resource };

const kebab = (text: string): string => text.toLowerCase().replaceAll("_", "-");

/** `ORDER_EVENTS_TOPIC_ARN` without `_TOPIC_ARN`, as the name of a resource: `order-events`. */
const stem = (name: string, suffix: RegExp, otherwise: string): string => kebab(name.replace(suffix, "")) || otherwise;

type Rule = readonly [RegExp, (name: string, base: string, engines: DevEngines) => Provision | undefined];

const given = (value: string | undefined): Provision | undefined => (value === undefined ? undefined : { value });

const queue = (name: string, use: QueueUse): Provision => ({ resource: { kind: "queue", name, use } });

/** The first rule that matches a name, and has a value, decides. */
const rules: readonly Rule[] = [
  [/(?:^|_)(?:DLQ|DEAD_LETTERS?)(?:_QUEUE)?_URL$/, (_, base) => queue(`${base}-dead-letters`, "dead letters")],
  [/(?:^|_)RETRY_QUEUE_URL$/, (_, base) => queue(`${base}-retries`, "retry queue")],
  [/(?:^|_)QUEUE_URL$/, (name, base) => queue(stem(name, /_?QUEUE_URL$/, `${base}-messages`), "target")],
  [
    /(?:^|_)TOPIC_ARN$/,
    (name, base) => ({ resource: { kind: "topic", name: stem(name, /_?TOPIC_ARN$/, `${base}-messages`) } }),
  ],
  // Stores and targets that the module creates itself, by `ensure`.
  [/(?:^|_)DEDUPE_TABLE$/, (_, base) => ({ value: `${base}-dedupe` })],
  [/(?:^|_)TARGET_TABLE$/, (_, base) => ({ value: `${base}-copies` })],
  [/^(?:DATABASE|POSTGRES|PG|POSTGRESQL)_(?:URL|URI)$/, (_name, _base, { postgres }) => given(postgres?.url)],
  [/^(?:OPENSEARCH|ELASTICSEARCH)_(?:NODE|URL|ENDPOINT)$/, (_name, _base, { opensearch }) => given(opensearch?.url)],
  [/^SMTP_URL$/, (_name, _base, { smtp }) => given(smtp?.url)],
  [/^SMTP_HOST$/, (_name, _base, { smtp }) => given(smtp && new URL(smtp.url).hostname)],
  [/^SMTP_PORT$/, (_name, _base, { smtp }) => given(smtp && new URL(smtp.url).port)],
  [/^(?:MAIL|EMAIL|SMTP)_FROM$/, (_name, _base, { inbox }) => given(inbox && "sluice@example.com")],
  [/^(?:MAIL|EMAIL|SMTP)_TO$/, (_name, _base, { inbox }) => given(inbox && "you@example.com")],
  [/^EVENT_BUS(?:_NAME)?$/, (_name, _base, { http }) => given(http && "default")],
  [/(?:^|_)ALLOW(?:ED)?_ADDRESSES$/, (_name, _base, { http }) => given(http && "127.0.0.1")],
  [/_URL$/, (name, _base, { http }) => given(http && `${http.url}/${stem(name, /_URL$/, "hook")}`)],
];

/** How a variable gets its value; undefined if nobody but the user knows it. `base` begins the names of resources. */
export const provisionOf = (name: string, base: string, engines: DevEngines): Provision | undefined => {
  for (const [pattern, provide] of rules) {
    const found = pattern.test(name) ? provide(name, base, engines) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
};
