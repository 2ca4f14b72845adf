// Items of the fake host: their values are canaries, so that a test finds a value that left the host unasked.

import type { AttributeValue, Image } from "@sluice/core/sink-kit";
import type { ItemQuestion, ItemValues, ItemView, PipelineAbout, QueueAbout } from "../../src/index.ts";

/** Every value of an item has this text, and nothing else of the fake host has. */
export const canary = "CANARY-";

const nameOf = (value: AttributeValue | undefined): string => {
  if (value === undefined) return "";
  if ("S" in value) return value.S.slice(0, 20);
  return "N" in value ? value.N.slice(0, 20) : "";
};

const textOf = (keys: Image): string => Object.values(keys).map(nameOf).join("/");

/** The whole item. */
export const fakeItem = (keys: Image): Image => ({
  ...keys,
  customer: { S: `${canary}customer of ${textOf(keys)}` },
  card: { S: `${canary}4111 1111 1111 1111` },
  total: { N: "12345678901234567890.50" },
  isPaid: { BOOL: true },
  note: { NULL: true },
  tags: { SS: [`${canary}blue`, `${canary}green`] },
  address: { M: { city: { S: `${canary}Vaduz` }, lines: { L: [{ S: `${canary}Städtle 1` }, { N: "9490" }] } } },
});

const rowOf = (keys: Image, city: string) => ({
  id: textOf(keys),
  customer: `${canary}customer of ${textOf(keys)}`,
  total: "12345678901234567890.50",
  city,
});

/** Whether a copy of the item differs: those whose key has an even last digit do not. */
export const differs = (keys: Image): boolean => /[13579]\D*$/.test(textOf(keys));

/** Keys that no table has. */
export const isAbsent = (keys: Image): boolean => textOf(keys).includes("absent");

/** The answer to `itemValues`. */
export const fakeItemValues = ({ routes }: PipelineAbout, { keys }: ItemQuestion): ItemValues => {
  const exists = !isAbsent(keys);
  const city = `${canary}Vaduz`;
  return {
    item: exists ? fakeItem(keys) : undefined,
    targets: routes.map((route, index) => {
      if (!route.isReadable)
        return {
          routes: [route.name],
          held: undefined,
          expected: undefined,
          problem: `The sink ${route.sink} cannot be read`,
        };
      const isWrong = differs(keys) && index === 0;
      return {
        routes: [route.name],
        held: exists ? rowOf(keys, isWrong ? `${canary}Schaan` : city) : undefined,
        expected: exists ? rowOf(keys, city) : undefined,
      };
    }),
  };
};

const version = `00000001764000000-${"7".padStart(40, "0")}`;

/** The answer to `item`. */
export const fakeTrace = (
  pipeline: PipelineAbout,
  queues: readonly QueueAbout[],
  { keys }: ItemQuestion,
  now: number,
): Pick<ItemView, "trace"> => {
  const exists = !isAbsent(keys);
  const at = new Date(now).toISOString();
  const isWrong = (index: number): boolean => exists && index === 0 && differs(keys);
  return {
    trace: {
      pipeline: pipeline.name,
      table: pipeline.table ?? "unknown",
      keys,
      at,
      item: { value: { exists } },
      stream: {
        value: {
          changes: exists
            ? [
                { eventId: "event-1", kind: "insert", at, version, isTtlRemoval: false },
                { eventId: "event-2", kind: "modify", at, version, isTtlRemoval: false },
              ]
            : [],
          isComplete: true,
          stopped: undefined,
          shards: 1,
          shardsRead: 1,
          records: 40,
        },
      },
      targets: pipeline.routes
        .filter((route) => route.isReadable)
        .map((route, index) => ({
          routes: [route.name],
          held: {
            value: {
              state: exists ? ("live" as const) : ("absent" as const),
              version: exists ? version : undefined,
              compared: isWrong(index) ? ("different" as const) : ("equal" as const),
              difference: isWrong(index) ? ("different" as const) : undefined,
              members: isWrong(index) ? ["city"] : [],
              code: undefined,
              exists,
              isSteady: true,
              isAhead: false,
            },
          },
        })),
      queues: queues
        .filter((queue) => queue.pipeline === pipeline.name && queue.kind !== "on-failure destination")
        .map((queue) => ({
          kind: queue.kind === "retry queue" ? ("retry queue" as const) : ("dead letters" as const),
          name: queue.name,
          queueUrl: queue.url,
          sight: {
            value: { deliveries: [], others: 2, batches: 0, unsupported: 0, unread: 0, hidden: 0, notReleased: 0 },
          },
        })),
      logs: { unanswered: { action: "logs:FilterLogEvents", reason: "the pipeline runs on this machine" } },
      conclusions: pipeline.routes.map((route, index) => ({
        routes: [route.name],
        state: route.isReadable ? (isWrong(index) ? "differs" : "up to date") : "unknown",
        sentence: route.isReadable
          ? isWrong(index)
            ? "The copy differs from the item in city, and nothing that is known explains it."
            : "The copy is equal to the item."
          : "The target cannot be read.",
        isComparable: route.isReadable,
      })),
    },
  };
};
