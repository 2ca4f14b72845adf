// The harness hides the write mode of a sink from the cases. A case writes changes, and checks the target's content.

import type { Change, LiveChange } from "@sluice/core";
import type { StreamRecord } from "@sluice/core/envelope";
import type {
  AppendDelivery,
  CopyContent,
  Delivery,
  DeliveryError,
  HeldCopy,
  HeldKey,
  MappedSink,
  Sink,
  UpsertDelivery,
  WriteContext,
  WriteMode,
  WriteResult,
} from "@sluice/core/sink-kit";
import type { SpecimenItem } from "../records/specimen.ts";
import { canonicalText, expectEqual, expectThat, mismatch } from "./expectation.ts";
import { absent, allKeys, type Listing } from "./held-keys.ts";
import { type AnyRig, invoke, redrive } from "./invocations.ts";
import type { AppendConformance, Conformance, Limits, Rig, UpsertConformance } from "./rig.ts";
import { checkRejection, checkResults, retriedOf, type WriteOutcomes } from "./write-outcomes.ts";

/** A change of a specimen. */
export type SpecimenChange = Change<SpecimenItem>;

/** Options of one call of `write`. */
export interface WriteOptions {
  readonly signal?: AbortSignal;
  /** Only for upsert sinks: returns the earlier changes of the same item, which `change` replaces. */
  readonly earlier?: (change: SpecimenChange) => readonly SpecimenChange[];
  /** Only for upsert sinks: whether the mapper returned `undefined`, so that the sink must remove an existing item. */
  readonly isLeaving?: boolean;
  /** Only with `isLeaving`: sets `onlyIfPresent` in the deliveries. */
  readonly onlyIfPresent?: true;
  /** Messages to write instead of the messages that `toMessage` returns. */
  readonly replaced?: ReadonlyMap<SpecimenChange, unknown>;
}

/** A rig under test, with one interface for both write modes. */
export interface Harness extends Pick<Rig, "requests" | "fail" | "endFault"> {
  readonly writes: WriteMode;
  readonly limits: Limits;
  readonly seed: number;
  readonly secrets: readonly string[];
  readonly badOptions: { readonly [option: string]: () => unknown };
  readonly deliveryOf: (change: SpecimenChange) => Delivery;
  /** The message that `toMessage` returns. */
  readonly messageOf: (change: SpecimenChange) => unknown;
  /** Names of the members that a message may have. */
  readonly membersOf: (change: SpecimenChange) => readonly string[];
  /** Calls `write` once, and checks the results. The changes must belong to different items. */
  readonly write: (changes: readonly SpecimenChange[], options?: WriteOptions) => Promise<WriteOutcomes>;
  /**
   * Invokes a pipeline that has one route to the sink, and makes one delivery attempt for each change.
   * @returns the changes that Lambda would deliver again: the first change that failed, and all later changes.
   */
  readonly invoke: (changes: readonly SpecimenChange[]) => Promise<readonly SpecimenChange[]>;
  /** Whether the sink has its own mapper. */
  readonly mapsItself: boolean;
  /**
   * Invokes a pipeline with a queue's messages: one envelope for each record, as in a redrive. The mapper is that of the
   * rig, or that of the sink.
   * @returns the positions of the messages that stay in the queue.
   */
  readonly redrive: (
    records: readonly StreamRecord[],
    mapper: "of the rig" | "of the sink",
  ) => Promise<readonly number[]>;
  /** Calls `dryRun` once, and checks the results like the results of `write`. */
  readonly dryRun: Harness["write"];
  /** Only for upsert sinks: calls `read` once. The deliveries are those that `write` would get. */
  readonly read: (
    changes: readonly SpecimenChange[],
    options?: WriteOptions,
  ) => Promise<readonly (HeldCopy | undefined)[]>;
  /** Only for upsert sinks: calls `canonical` once. */
  readonly canonical: (
    changes: readonly SpecimenChange[],
    options?: WriteOptions,
  ) => Promise<readonly (CopyContent | DeliveryError)[]>;
  /** Only for upsert sinks: calls `keys` for all pages of all parts. */
  readonly keys: (listing: Listing, signal?: AbortSignal) => Promise<readonly HeldKey[]>;
  /** Calls `write` with an empty batch, and returns the unchecked results. */
  readonly writeNothing: () => Promise<readonly WriteResult[]>;
  /**
   * Asserts that the target holds the result of these changes. For an upsert sink: the last state of each item. For an
   * append sink: the message of every change, in order per item. `repeats` allows several copies of a message.
   */
  readonly expectHeld: (changes: readonly SpecimenChange[], repeats?: "none" | "allowed") => Promise<void>;
  /** The content of the target as JSON text. */
  readonly heldText: () => Promise<string>;
  /** Only for append sinks: the idempotency keys in the target, oldest first. */
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

type WriteCall<One> = (batch: readonly One[], context: WriteContext) => Promise<readonly WriteResult[]>;

/** Calls `write` as core does, with frozen deliveries. */
const callWrite = async <One extends Delivery>(
  write: WriteCall<One>,
  batch: readonly One[],
  options: WriteOptions,
): Promise<WriteOutcomes> => {
  const frozen: readonly One[] = Object.freeze(batch.map((delivery) => Object.freeze(delivery)));
  const itemKeys = new Set(batch.map(({ change }) => change.itemKey));
  expectEqual(itemKeys.size, batch.length, "items in one call of the kit");
  let results: readonly WriteResult[];
  try {
    results = await write(frozen, contextOf(options.signal));
  } catch (error) {
    return checkRejection(frozen, error);
  }
  return checkResults(frozen, results);
};

/** `write` and `dryRun` of a sink, with checked results. */
const callsOf = <One extends Delivery>(
  { write, dryRun }: { readonly write: WriteCall<One>; readonly dryRun?: WriteCall<One> },
  deliveryOf: (change: SpecimenChange, options: WriteOptions) => One,
): Pick<Harness, "write" | "dryRun"> => {
  const checked =
    (call: WriteCall<One> | undefined): Harness["write"] =>
    async (changes, options = {}) =>
      callWrite(
        call ?? mismatch("sink.dryRun", "none", "one, or a reason in cannot.dryRun"),
        changes.map((change) => deliveryOf(change, options)),
        options,
      );
  return { write: checked(write), dryRun: checked(dryRun) };
};

/** The last change of each item, by version. */
export const lastOfEach = (changes: readonly SpecimenChange[]): SpecimenChange[] => {
  const last = new Map<string, SpecimenChange>();
  for (const change of changes) {
    const known = last.get(change.itemKey);
    if (known === undefined || known.version < change.version) last.set(change.itemKey, change);
  }
  return [...last.values()];
};

const isLive = (change: SpecimenChange): change is LiveChange<SpecimenItem> => change.kind !== "remove";

const commonHarness = <Message>(options: Conformance<Message>, rig: AnyRig<Message>) => {
  expectEqual(rig.sink.supports.writes, options.writes, "supports.writes");
  const { map } = rig.sink as Partial<MappedSink<Message>>;
  return {
    writes: options.writes,
    limits: options.limits ?? {},
    seed: options.seed ?? 1,
    secrets: rig.secrets ?? [],
    badOptions: options.badOptions ?? {},
    requests: rig.requests,
    fail: rig.fail,
    endFault: rig.endFault,
    mapsItself: map !== undefined,
    redrive: (records: readonly StreamRecord[], mapper: "of the rig" | "of the sink") =>
      redrive(rig, records, mapper === "of the rig" ? rig.toMessage : map),
    invoke: (changes: readonly SpecimenChange[]) => invoke(rig, changes),
    messageOf: (change: SpecimenChange) => rig.toMessage(change as LiveChange<SpecimenItem>),
    membersOf: (change: SpecimenChange) => {
      const message: unknown = rig.toMessage(change as LiveChange<SpecimenItem>);
      const own = typeof message === "object" && message !== null ? Object.keys(message) : [];
      return [...new Set([...own, ...(rig.members ?? [])])];
    },
    writeNothing: () => rig.sink.write([], contextOf()),
    closeSink: async (): Promise<void> => rig.sink.close?.(),
    close: async (): Promise<void> => {
      await rig.endFault();
      await rig.sink.close?.();
      await rig.close();
    },
  };
};

/** `read`, `canonical` and `keys` of an upsert sink. */
const readsOf = <Message>(
  sink: Sink<Message, "upsert">,
  deliveryOf: (change: SpecimenChange, options: WriteOptions) => UpsertDelivery<Message>,
): Pick<Harness, "read" | "canonical" | "keys"> => ({
  read: async (changes, options = {}) => {
    const batch = changes.map((change) => Object.freeze(deliveryOf(change, options)));
    return sink.read?.(Object.freeze(batch), contextOf(options.signal)) ?? absent("read");
  },
  canonical: async (changes, options = {}) => {
    const batch = changes.map((change) => Object.freeze(deliveryOf(change, options)));
    return sink.canonical?.(Object.freeze(batch), contextOf(options.signal)) ?? absent("canonical");
  },
  keys: async (listing, signal) => {
    const keys = sink.keys?.bind(sink) ?? absent("keys");
    return allKeys(keys, listing, contextOf(signal));
  },
});

const upsertHarness = async <Message>(options: UpsertConformance<Message>): Promise<Harness> => {
  const rig = await options.open();
  const deliveryOf = (change: SpecimenChange, options: WriteOptions = {}) => {
    const { earlier = () => [], isLeaving = false, onlyIfPresent, replaced } = options;
    const usual = isLive(change) && !isLeaving ? messageOr(rig.toMessage(change)) : undefined;
    const message = replaced?.has(change) ? replaced.get(change) : usual;
    const delivery = { change, message, earlier: earlier(change), ...(onlyIfPresent && { onlyIfPresent }) };
    return delivery as UpsertDelivery<Message>;
  };
  return {
    ...commonHarness(options, rig),
    deliveryOf,
    ...callsOf(rig.sink, deliveryOf),
    ...readsOf(rig.sink, deliveryOf),
    expectHeld: async (changes) => {
      const expected = lastOfEach(changes)
        .filter(isLive)
        .map((change) => canonicalText(rig.toMessage(change)));
      const found = (await rig.read()).map(canonicalText);
      expectEqual(found.sort(), expected.sort(), "content of the target");
    },
    heldText: async () => (await rig.read()).map(canonicalText).join("\n"),
    idempotencyKeys: async () => [],
  };
};

/** Groups messages by item. Each group keeps the order of `texts`. */
const byItem = (texts: readonly string[], itemKeys: ReadonlyMap<string, string>): Map<string, string[]> => {
  const grouped = new Map<string, string[]>();
  for (const text of texts) {
    const itemKey = itemKeys.get(text) ?? mismatch("a message in the target", text, "a message that was written");
    grouped.set(itemKey, [...(grouped.get(itemKey) ?? []), text]);
  }
  return new Map([...grouped].sort(([left], [right]) => (left < right ? -1 : 1)));
};

/** Asserts that each message has only one idempotency key, and that each key has only one message. */
const expectUniqueKeys = (found: readonly { readonly text: string; readonly idempotencyKey: string }[]): void => {
  const pairs = new Set(found.map(({ text, idempotencyKey }) => canonicalText([text, idempotencyKey])));
  expectEqual(pairs.size, new Set(found.map(({ text }) => text)).size, "idempotency keys of equal messages");
  expectEqual(pairs.size, new Set(found.map(({ idempotencyKey }) => idempotencyKey)).size, "messages of one key");
};

const appendHarness = async <Message>(options: AppendConformance<Message>): Promise<Harness> => {
  const rig = await options.open();
  const textOf = (change: SpecimenChange): string => canonicalText(messageOr(rig.toMessage(change)));
  const deliveryOf = (change: SpecimenChange, { replaced }: WriteOptions = {}): AppendDelivery<Message> => ({
    change: change as Change,
    message: replaced?.has(change) ? (replaced.get(change) as Message) : messageOr(rig.toMessage(change)),
    idempotencyKey: `${change.eventId}-conformance`,
  });
  const held = async () =>
    (await rig.read()).map(({ message, idempotencyKey }) => ({ text: canonicalText(message), idempotencyKey }));
  return {
    ...commonHarness(options, rig),
    deliveryOf,
    ...callsOf(rig.sink, deliveryOf),
    read: async () => absent("read"),
    canonical: async () => absent("canonical"),
    keys: async () => absent("keys"),
    expectHeld: async (changes, repeats = "none") => {
      const itemKeys = new Map(changes.map((change) => [textOf(change), change.itemKey]));
      expectThat(
        itemKeys.size === changes.length,
        "toMessage",
        "equal messages",
        "different messages for different changes",
      );
      const found = await held();
      expectUniqueKeys(found);
      const texts = found.map(({ text }) => text);
      const once = repeats === "allowed" ? [...new Set(texts)] : texts;
      expectEqual([...byItem(once, itemKeys)], [...byItem(changes.map(textOf), itemKeys)], "messages of each item");
    },
    heldText: async () => (await held()).map(({ text }) => text).join("\n"),
    idempotencyKeys: async () => (await held()).map(({ idempotencyKey }) => idempotencyKey),
  };
};

/** Opens a rig for a case. */
export const openHarness = <Message>(options: Conformance<Message>): Promise<Harness> =>
  options.writes === "upsert" ? upsertHarness(options) : appendHarness(options);

/** Writes changes, and retries failed deliveries as core and Lambda do. Calls `write` at most `attempts` times. */
export const deliverAll = async (
  harness: Harness,
  changes: readonly SpecimenChange[],
  options: WriteOptions = {},
  attempts = 5,
): Promise<WriteOutcomes> => {
  const written = await harness.write(changes, options);
  const left = retriedOf(written, changes);
  if (left.length === 0 || attempts <= 1) return written;
  const isLeft = ({ eventId }: Pick<Change, "eventId">): boolean => left.some((change) => change.eventId === eventId);
  const later = await deliverAll(harness, left, options, attempts - 1);
  return { ...written, outcomeOf: (change) => (isLeft(change) ? later : written).outcomeOf(change) };
};
