// Looks for lines about the item's changes in the function's log. Of a line it takes only known members: other text may
// have values of the item.

import { jsonMembers } from "@sluice/core/envelope";
import { type Answer, ask, isAnswered } from "../aws/answer.ts";
import type { LoggedDelivery, LogSight } from "./story.ts";

/** The method of the SDK's client `CloudWatchLogs` that a trace calls. */
export interface TraceLogsClient {
  readonly filterLogEvents: (
    input: { logGroupName: string; filterPattern: string; startTime: number; nextToken?: string },
    options: { readonly abortSignal: AbortSignal },
  ) => Promise<{
    readonly events?:
      | readonly { readonly timestamp?: number | undefined; readonly message?: string | undefined }[]
      | undefined;
    readonly nextToken?: string | undefined;
  }>;
}

/** What to look for, and how long. */
export interface LogSearch {
  readonly client: TraceLogsClient;
  readonly group: string;
  readonly pipeline: string;
  /** Ids of the item's changes, the latest last. */
  readonly eventIds: readonly string[];
  /** In milliseconds since 1970. */
  readonly startTime: number;
  readonly maxMs: number;
  readonly now: () => number;
}

/** A filter pattern has at most 1,024 characters: 20 ids of 32 hexadecimal digits, with quotes. */
const maxIds = 20;
const maxPages = 50;

/** Any of the ids. @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html (read 2026-11-28) */
const patternOf = (ids: readonly string[]): string => ids.map((id) => `?"${id}"`).join(" ");

/** Lambda's JSON format wraps the line of a logger in `message`, as text or as an object. */
const membersOf = (text: string): Readonly<Record<string, unknown>> => {
  const members = jsonMembers(text.slice(Math.max(0, text.indexOf("{"))));
  const { message } = members;
  if (typeof message === "object" && message !== null) return message as Readonly<Record<string, unknown>>;
  return typeof message === "string" && message.startsWith("{") ? jsonMembers(message) : members;
};

const word = (value: unknown): string | undefined =>
  typeof value === "string" && /^[\w .:%-]{1,200}$/.test(value) ? value : undefined;

/** Reads a line of core: `dead letter`, or the `delivery` of the observer `deliveryLog`. */
const deliveryIn = (text: string, pipeline: string, at: string, eventId: string): LoggedDelivery | undefined => {
  const members = membersOf(text);
  const isDeadLetter = members.message === "dead letter";
  if (members.pipeline !== pipeline || !(isDeadLetter || members.message === "delivery")) return undefined;
  const route = word(isDeadLetter ? members.sink : members.route);
  const outcome = isDeadLetter ? "dead letter" : word(members.outcome);
  if (route === undefined || outcome === undefined) return undefined;
  const attempts = typeof members.attempts === "number" ? members.attempts : undefined;
  return { at, eventId, route, outcome, code: word(members.code), attempts };
};

/** Adds the lines of a page to what was found before. */
const sightWith = (
  { pipeline, startTime, eventIds }: LogSearch,
  found: Pick<LogSight, "deliveries" | "otherLines">,
  events: Awaited<ReturnType<TraceLogsClient["filterLogEvents"]>>["events"] = [],
): Pick<LogSight, "deliveries" | "otherLines"> => {
  const named = events.flatMap(({ timestamp = startTime, message = "" }) => {
    const eventId = eventIds.find((id) => message.includes(id));
    return eventId === undefined ? [] : [deliveryIn(message, pipeline, new Date(timestamp).toISOString(), eventId)];
  });
  const deliveries = named.filter((one) => one !== undefined);
  const otherLines = named.length - deliveries.length;
  return { deliveries: [...found.deliveries, ...deliveries], otherLines: found.otherLines + otherLines };
};

const byTime = (one: LoggedDelivery, other: LoggedDelivery): number =>
  one.at < other.at ? -1 : Number(one.at > other.at);

/** Reads the log of a function. */
export const searchLogs = async (search: LogSearch): Promise<Answer<LogSight>> => {
  const { client, group, startTime, maxMs, now } = search;
  const eventIds = search.eventIds.slice(-maxIds);
  const endsAt = now() + maxMs;
  const request = { logGroupName: group, filterPattern: patternOf(eventIds), startTime };
  let found: Pick<LogSight, "deliveries" | "otherLines"> = { deliveries: [], otherLines: 0 };
  let token: string | undefined;
  let pages = 0;
  do {
    const input = { ...request, ...(token !== undefined && { nextToken: token }) };
    const page = await ask("logs:FilterLogEvents", (abortSignal) => client.filterLogEvents(input, { abortSignal }));
    if (!isAnswered(page)) return page;
    found = sightWith(search, found, page.value.events);
    token = page.value.nextToken;
    pages += 1;
  } while (token !== undefined && pages < maxPages && now() < endsAt);
  const isComplete = token === undefined && eventIds.length === search.eventIds.length;
  const deliveries = [...found.deliveries].sort(byTime);
  return { value: { group, ...found, deliveries, since: new Date(startTime).toISOString(), isComplete } };
};
