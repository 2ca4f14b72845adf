// A rig as the cases see it: they write changes and ask what the target holds, whichever way the sink writes.

import { type Change, type LiveChange, pipeline } from "@sluice/core";
import type { UpsertDelivery, WriteContext, WriteMode } from "@sluice/core/sink-kit";
import { type AppendDelivery, type Delivery, outcomeOf, type Sink, type WriteResult } from "@sluice/core/sink-kit";
import type { SpecimenItem } from "../records/specimen.ts";
import { streamEvent } from "../records/stream-record.ts";
import { canonicalText, expectEqual, expectThat, mismatch } from "./expectation.ts";
import type { AppendConformance, AppendRig, Conformance, Limits, Rig, UpsertConformance, UpsertRig } from "./rig.ts";
import { rejectedBy, settledBy, type Written } from "./write-outcomes.ts";

export type SpecimenChange = Change<SpecimenItem>;

export interface WriteOptions {
  readonly signal?: AbortSignal;
  /** Upsert: earlier changes of a change's item, for which it stands. */
  readonly earlier?: (change: SpecimenChange) => readonly SpecimenChange[];
  /** Upsert: the mapper returned nothing, so that the item leaves the target although it exists. */
  readonly isLeaving?: boolean;
}

export interface Bench extends Pick<Rig, "requests" | "fail" | "heal"> {
  readonly writes: WriteMode;
  readonly limits: Limits;
  readonly seed: number;
  readonly secrets: readonly string[];
  readonly badOptions: { readonly [option: string]: () => unknown };
  readonly deliveryOf: (change: SpecimenChange) => Delivery;
  /** One call of `write`, whose results are checked. The changes are of different items. */
  readonly write: (changes: readonly SpecimenChange[], options?: WriteOptions) => Promise<Written>;
  /**
   * One invocation of a pipeline with one route to the sink, without quick tries.
   * @returns what Lambda would bring again: the first change that was reported, and all behind it.
   */
  readonly invoke: (changes: readonly SpecimenChange[]) => Promise<readonly SpecimenChange[]>;
  /** One call of `dryRun`, whose results are checked as those of `write` are. */
  readonly dryRun: Bench["write"];
  /** The answer of `write` to an empty batch, as it is. */
  readonly writeNothing: () => Promise<readonly WriteResult[]>;
  /**
   * Asserts that the target holds what these changes lead to. Upsert: the last state of each item. Append: every
   * change, in order per item; `repeats` says whether a message may be there more than once.
   */
  readonly expectHeld: (changes: readonly SpecimenChange[], repeats?: "none" | "allowed") => Promise<void>;
  /** JSON text of everything the target holds. */
  readonly heldText: () => Promise<string>;
  /** Append: the idempotency keys in the target, oldest first. */
  readonly idempotencyKeys: () => Promise<readonly string[]>;
  readonly closeSink: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const contextOf = (signal: AbortSignal = new AbortController().signal): WriteContext => ({
  signal,
  remainingMs: () => (signal.aborted ? 0 : 30_000),
});

const messageOr = <Message>(message: Message | undefined): Message =>
  message === undefined ? mismatch("toMessage returned", "undefined", "a message for every specimen") : message;

type Call<One extends Delivery> = (batch: readonly One[], context: WriteContext) => Promise<readonly WriteResult[]>;

/** Calls `write` as core does: with deliveries that nobody may change. */
const callWrite = async <One extends Delivery>(
  write: Call<One>,
  batch: readonly One[],
  options: WriteOptions,
): Promise<Written> => {
  for (const delivery of batch) Object.freeze(delivery);
  const frozen: readonly One[] = Object.freeze([...batch]);
  const itemKeys = new Set(batch.map(({ change }) => change.itemKey));
  expectEqual(itemKeys.size, batch.length, "items in one call of the kit");
  let results: readonly WriteResult[];
  try {
    results = await write(frozen, contextOf(options.signal));
  } catch (error) {
    return rejectedBy(frozen, error);
  }
  return settledBy(frozen, results);
};

/** The two calls of a sink that take a batch. */
const callsOf = <One extends Delivery>(
  { write, dryRun }: { readonly write: Call<One>; readonly dryRun?: Call<One> },
  deliveryOf: (change: SpecimenChange, options: WriteOptions) => One,
): Pick<Bench, "write" | "dryRun"> => {
  const calling =
    (call: Call<One> | undefined): Bench["write"] =>
    async (changes, options = {}) =>
      callWrite(
        call ?? mismatch("sink.dryRun", "none", "one, or a reason in cannot.dryRun"),
        changes.map((change) => deliveryOf(change, options)),
        options,
      );
  return { write: calling(write), dryRun: calling(dryRun) };
};

/** The last change of each item, by version. */
const lastOfEach = (changes: readonly SpecimenChange[]): SpecimenChange[] => {
  const last = new Map<string, SpecimenChange>();
  for (const change of changes) {
    const known = last.get(change.itemKey);
    if (known === undefined || known.version < change.version) last.set(change.itemKey, change);
  }
  return [...last.values()];
};

const isLive = (change: SpecimenChange): change is LiveChange<SpecimenItem> => change.kind !== "remove";

const silent = { info: () => undefined, warn: () => undefined };

const invoke = async <Message>(
  { sink, toMessage }: AppendRig<Message> | UpsertRig<Message>,
  changes: readonly SpecimenChange[],
): Promise<readonly SpecimenChange[]> => {
  const options = { onReject: "block", logger: silent, retry: { maxAttempts: 1 } } as const;
  const routed = sink.supports.writes === "append" ? { dedupe: "none" as const } : {};
  const handler = pipeline<SpecimenItem>("conformance", options)
    .to(sink as Sink<unknown>, toMessage as (change: unknown) => unknown, routed)
    .handler();
  const { batchItemFailures } = await handler(streamEvent(changes.map(({ record }) => record)));
  const reported = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  const first = changes.findIndex(({ record }) => reported.has(record.dynamodb?.SequenceNumber ?? ""));
  return first < 0 ? [] : changes.slice(first);
};

const shared = <Message>(options: Conformance<Message>, rig: UpsertRig<Message> | AppendRig<Message>) => {
  expectEqual(rig.sink.supports.writes, options.writes, "supports.writes");
  return {
    writes: options.writes,
    limits: options.limits ?? {},
    seed: options.seed ?? 1,
    secrets: rig.secrets ?? [],
    badOptions: options.badOptions ?? {},
    requests: rig.requests,
    fail: rig.fail,
    heal: rig.heal,
    invoke: (changes: readonly SpecimenChange[]) => invoke(rig, changes),
    writeNothing: () => rig.sink.write([], contextOf()),
    closeSink: async (): Promise<void> => rig.sink.close?.(),
    close: async (): Promise<void> => {
      await rig.heal();
      await rig.sink.close?.();
      await rig.close();
    },
  };
};

const upsertBench = async <Message>(options: UpsertConformance<Message>): Promise<Bench> => {
  const rig = await options.open();
  const deliveryOf = (change: SpecimenChange, { earlier = () => [], isLeaving = false }: WriteOptions = {}) => {
    const message = isLive(change) && !isLeaving ? messageOr(rig.toMessage(change)) : undefined;
    return { change, message, earlier: earlier(change) } as UpsertDelivery<Message>;
  };
  return {
    ...shared(options, rig),
    deliveryOf,
    ...callsOf(rig.sink, deliveryOf),
    expectHeld: async (changes) => {
      const expected = lastOfEach(changes)
        .filter(isLive)
        .map((change) => canonicalText(rig.toMessage(change)));
      const found = (await rig.read()).map(canonicalText);
      expectEqual(found.sort(), expected.sort(), "what the target holds");
    },
    heldText: async () => (await rig.read()).map(canonicalText).join("\n"),
    idempotencyKeys: async () => [],
  };
};

const withoutRepeats = <Entry>(entries: readonly Entry[]): Entry[] => [...new Set(entries)];

/** Each item's messages in the order of the entries. */
const byItem = (texts: readonly string[], itemKeys: ReadonlyMap<string, string>): Map<string, string[]> => {
  const grouped = new Map<string, string[]>();
  for (const text of texts) {
    const itemKey = itemKeys.get(text) ?? mismatch("a message in the target", text, "one that was written");
    grouped.set(itemKey, [...(grouped.get(itemKey) ?? []), text]);
  }
  return new Map([...grouped].sort(([left], [right]) => (left < right ? -1 : 1)));
};

/** One idempotency key for one message, and one message for one key. */
const expectKeysFit = (found: readonly { readonly text: string; readonly idempotencyKey: string }[]): void => {
  const pairs = new Set(found.map(({ text, idempotencyKey }) => canonicalText([text, idempotencyKey])));
  expectEqual(pairs.size, new Set(found.map(({ text }) => text)).size, "idempotency keys of equal messages");
  expectEqual(pairs.size, new Set(found.map(({ idempotencyKey }) => idempotencyKey)).size, "messages of one key");
};

const appendBench = async <Message>(options: AppendConformance<Message>): Promise<Bench> => {
  const rig = await options.open();
  const textOf = (change: SpecimenChange): string => canonicalText(messageOr(rig.toMessage(change)));
  const deliveryOf = (change: SpecimenChange): AppendDelivery<Message> => ({
    change: change as Change,
    message: messageOr(rig.toMessage(change)),
    idempotencyKey: `${change.eventId}-conformance`,
  });
  const held = async () =>
    (await rig.read()).map(({ message, idempotencyKey }) => ({ text: canonicalText(message), idempotencyKey }));
  return {
    ...shared(options, rig),
    deliveryOf,
    ...callsOf(rig.sink, deliveryOf),
    expectHeld: async (changes, repeats = "none") => {
      const itemKeys = new Map(changes.map((change) => [textOf(change), change.itemKey]));
      expectThat(
        itemKeys.size === changes.length,
        "toMessage",
        "equal messages",
        "different ones of different changes",
      );
      const found = await held();
      expectKeysFit(found);
      const texts = found.map(({ text }) => text);
      const once = repeats === "allowed" ? withoutRepeats(texts) : texts;
      expectEqual([...byItem(once, itemKeys)], [...byItem(changes.map(textOf), itemKeys)], "messages of each item");
    },
    heldText: async () => (await held()).map(({ text }) => text).join("\n"),
    idempotencyKeys: async () => (await held()).map(({ idempotencyKey }) => idempotencyKey),
  };
};

/** Opens the rig of a case. */
export const openBench = <Message>(options: Conformance<Message>): Promise<Bench> =>
  options.writes === "upsert" ? upsertBench(options) : appendBench(options);

/** Whether a change failed with a code after which it comes again. */
export const comesAgain = (written: Written, change: SpecimenChange): boolean => {
  const outcome = written.outcomeOf(change);
  return outcome !== "delivered" && outcome !== "superseded" && outcomeOf(outcome) === "retry";
};

/** Writes, and writes what comes back as a retry again, `tries` times at most: what core and Lambda do together. */
export const deliverAll = async (
  bench: Bench,
  changes: readonly SpecimenChange[],
  options: WriteOptions = {},
  tries = 5,
): Promise<Written> => {
  const written = await bench.write(changes, options);
  const left = changes.filter((change) => comesAgain(written, change));
  if (left.length === 0 || tries <= 1) return written;
  const isLeft = ({ eventId }: Pick<Change, "eventId">): boolean => left.some((change) => change.eventId === eventId);
  const later = await deliverAll(bench, left, options, tries - 1);
  return { ...written, outcomeOf: (change) => (isLeft(change) ? later : written).outcomeOf(change) };
};
