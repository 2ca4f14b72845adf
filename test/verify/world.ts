// A table, its stream and the targets of a pipeline in a simulated time. While a verification runs, items are written, changes are
// delivered late, and copies are corrupted.

import {
  backfillRecord,
  type Finding,
  type FindingClass,
  type Invoke,
  type ItemSource,
  type RecordOrigin,
  type TableReader,
  type TaskAnswer,
  type VerifyOptions,
} from "@sluice/backfill";
import { pipeline } from "@sluice/core";
import { type Image, itemKeyOf, type StreamRecord } from "@sluice/core/envelope";
import { matching } from "@sluice/core/filters";
import {
  type Change,
  type Clock,
  decodeRecord,
  type Sink,
  type UpsertDelivery,
  type WriteContext,
} from "@sluice/core/sink-kit";
import {
  lambdaContext,
  type PlainItem,
  type RecordOptions,
  streamRecord,
  tableHistory,
  toImage,
} from "@sluice/testing";
import { type Random, randomOf } from "../convergence/random.ts";
import type { Copy, OpenReplica, Replica } from "./replica.ts";

/** An item of the table. */
interface Order extends PlainItem {
  readonly pk: string;
  readonly total: number;
  readonly label: string;
  readonly isOpen: boolean;
}

/**
 * How a copy was corrupted: in the way of its class, with a version of a later stream, or so that its version is lost and
 * perhaps its content wrong.
 */
export type CorruptionKind = FindingClass | "ahead" | "unversioned" | "unversioned ghost";

/** A copy that was corrupted. */
export interface Corruption {
  readonly target: string;
  readonly pk: string;
  readonly kind: CorruptionKind;
  readonly atMs: number;
  /** Infinity while the copy is wrong. */
  healedAtMs: number;
}

const targetNames = ["all", "open", "kept"] as const;
type TargetName = (typeof targetNames)[number];
type Copied = (order: Order) => Copy | undefined;

const openCopy: Copied = ({ total, isOpen }) => (isOpen ? { total, kind: "open" } : undefined);
const emptyCopy: Copied = ({ total, isOpen, label }) =>
  !isOpen && total === 0 && label === "b" ? { total, kind: "empty" } : undefined;

/**
 * Content of the copies that the targets should have. Two routes write the target `open`, each with another entity, which
 * an item becomes and ceases to be. The target `kept` keeps the copies of removed items.
 */
const copyOf: { readonly [Target in TargetName]: Copied } = {
  all: ({ total, label }) => ({ total, label }),
  open: (order) => openCopy(order) ?? emptyCopy(order),
  kept: ({ total, label }) => ({ total, label }),
};

/** Kinds after which the target knows no version of the item, so that a late repeat of an old change would count. */
const forgetful: ReadonlySet<CorruptionKind> = new Set(["missing", "stale", "unversioned", "unversioned ghost"]);

/** An item of a target. */
export interface Place {
  readonly target: string;
  readonly pk: string;
}

/** A world in which a verification runs. */
export interface World {
  readonly random: Random;
  readonly clock: Clock;
  readonly options: VerifyOptions;
  readonly invoke: Invoke;
  readonly corruptions: readonly Corruption[];
  /** When each item was written last. */
  readonly writtenAtMs: ReadonlyMap<string, number>;
  readonly heldVersion: (target: string, pk: string) => Promise<string | undefined>;
  /** Corrupts a random copy. */
  readonly corrupt: () => Promise<void>;
  /** Lets time pass. */
  readonly advance: (ms: number) => Promise<void>;
  /** Ends writes and corruptions, and delivers every change. */
  readonly calm: () => Promise<void>;
  /** Deletes the copies that no repair can outrank, with their versions. */
  readonly forgetAhead: () => Promise<void>;
  /** Copies that are not what they should be. */
  readonly wrong: () => Promise<readonly Place[]>;
  readonly close: () => Promise<void>;
}

const size = 24;
const writeEveryMs = 5_000;
const corruptEveryMs = 40_000;

const keyImage = (pk: string): Image => ({ pk: { S: pk } });

/** The key of a finding's item. */
export const pkOf = ({ keys }: Finding): string => (keys.pk as { readonly S: string }).S;

const settings = { keyNames: ["pk"], tableName: "Orders" };
const epoch = "20260102030405678";
const context: WriteContext = { signal: new AbortController().signal, remainingMs: () => 60_000 };

const changeOf = (options: RecordOptions, ofEpoch = epoch): Change =>
  decodeRecord(streamRecord({ ...settings, ...options }), "stream", undefined, ofEpoch) as Change;

/** A fraction that is later than any clock of a test. */
const farFraction = 8_000_000_000_000_000;

/** The version of a corruption: the held one with a greater fraction, or the lowest. */
const corruptVersion = (
  held: string | undefined,
  { isLowest, isFar }: { isLowest: boolean; isFar: boolean },
): string => {
  const [number = "0", fraction = "0"] = isLowest ? [] : (held?.slice(18) ?? "").split(".");
  const next = Math.max(Number(fraction), isFar ? farFraction : 0) + 1;
  return `${number.replace(/^0+(?=\d)/, "") || "0"}.${String(next).padStart(16, "0")}`;
};

/** A change that is on its way to the targets. */
interface Undelivered {
  readonly record: StreamRecord;
  readonly pk: string;
  readonly atMs: number;
  readonly dueMs: number;
}

const copiesDiffer = (one: Copy | undefined, other: Copy | undefined): boolean => {
  const text = (copy: Copy | undefined) => JSON.stringify(Object.entries(copy ?? {}).sort());
  return text(one) !== text(other);
};

/** Creates a world with a table whose items are all copied. */
export const newWorld = async (seed: number, open: OpenReplica): Promise<World> => {
  const random = randomOf(seed);
  // In some worlds changes take longer than the grace period, and the verification knows the lag.
  const isLagging = seed % 3 === 0;
  const maxLagMs = isLagging ? 90_000 : 30_000;
  const history = tableHistory(settings);
  const items = new Map<string, Order>();
  const writtenAtMs = new Map<string, number>();
  const corruptions: Corruption[] = [];
  const undelivered: Undelivered[] = [];
  const delivered: Undelivered[] = [];
  const replicas: Readonly<Record<TargetName, Replica>> = {
    all: await open(`${seed}_all`),
    open: await open(`${seed}_open`),
    kept: await open(`${seed}_kept`),
  };
  let now = 1_800_000_000_000;
  let isCalm = false;
  let latest: { readonly pk: string; readonly before: Order | undefined } | undefined;
  let nextWriteMs = now;
  let nextCorruptionMs = now + corruptEveryMs;

  const noteHealed = (target: TargetName, itemKey: string): void => {
    for (const one of corruptions) {
      if (one.target !== target || itemKeyOf(keyImage(one.pk)) !== itemKey) continue;
      one.healedAtMs = Math.min(one.healedAtMs, now);
    }
  };

  /** A sink that takes time, and that notes which copies it has written. */
  const slowSink = (name: TargetName): Sink<never, "upsert"> => {
    const { sink } = replicas[name];
    return {
      ...sink,
      write: async (batch, writing) => {
        const results = await sink.write(batch, writing);
        for (const { delivery, outcome } of results) {
          if (outcome === "delivered") noteHealed(name, delivery.change.itemKey);
        }
        return results;
      },
      read: async (batch, reading) => {
        await advance(random.integer(400));
        const held = await sink.read?.(batch, reading);
        await advance(random.integer(400));
        return held ?? [];
      },
      keys: async (request, reading) => {
        await advance(random.integer(400));
        return (await sink.keys?.({ ...request, limit: 4 }, reading)) ?? { keys: [], next: undefined };
      },
    };
  };

  const mapper =
    (name: TargetName, copied: Copied = copyOf[name]) =>
    (change: { readonly after: unknown }): never => {
      const order = change.after as Order;
      const copy = copied(order);
      return (copy && replicas[name].messageOf(order.pk, copy)) as never;
    };
  const openSink = slowSink("open");
  const silent = pipeline<Order>("orders", {
    onReject: "block",
    logger: { info: () => undefined, warn: () => undefined },
  });
  const orders = silent
    .to(slowSink("all"), mapper("all"), { name: "all" })
    .to(openSink, mapper("open", openCopy), { name: "open" })
    .when(matching({ label: "b" }))
    .to(openSink, mapper("open", emptyCopy), { name: "empty" })
    .when(() => true)
    .to(slowSink("kept"), mapper("kept"), { name: "kept", removes: "keep" });
  const handler = orders.handler();
  const deliver = async (records: readonly StreamRecord[]): Promise<void> => {
    if (records.length > 0) await handler({ Records: records } as never, lambdaContext());
  };

  const noteWrite = (pk: string, record: StreamRecord): void => {
    const before = undelivered.filter((one) => one.pk === pk).at(-1)?.dueMs ?? 0;
    undelivered.push({ record, pk, atMs: now, dueMs: Math.max(before, now + random.integer(maxLagMs)) });
    writtenAtMs.set(pk, now);
  };
  const setItem = (pk: string, next: Order | undefined): void => {
    const before = items.get(pk);
    if (JSON.stringify(before) === JSON.stringify(next)) return;
    latest = { pk, before };
    if (next === undefined) {
      items.delete(pk);
      noteWrite(pk, history.remove({ pk }));
    } else {
      items.set(pk, next);
      noteWrite(pk, history.put(next));
    }
  };
  const write = (): void => {
    // An item that returns to its former state looks unchanged, while its changes are on their way.
    if (latest !== undefined && random.chance(0.4)) {
      setItem(latest.pk, latest.before);
      return;
    }
    const pk = `o-${Math.floor((random.integer(1_000) / 1_000) ** 1.5 * size)}`;
    const order = { pk, total: random.integer(3), label: random.pick(["a", "b"]), isOpen: random.chance(0.5) };
    setItem(pk, items.has(pk) && random.chance(0.25) ? undefined : order);
  };
  const deliverDue = async (): Promise<void> => {
    const due = undelivered.filter(({ dueMs }) => dueMs <= now);
    for (const one of due) undelivered.splice(undelivered.indexOf(one), 1);
    await deliver(due.map(({ record }) => record));
    delivered.push(...due);
    // Deliveries are repeated, but not after any time: a copy that lost its version could not tell them from new changes.
    const [first, ...others] = delivered.filter(({ atMs }) => atMs > now - maxLagMs);
    if (first !== undefined && random.chance(0.2)) await deliver([random.pick([first, ...others]).record]);
  };

  const heldVersion = async (target: string, pk: string): Promise<string | undefined> => {
    const name = target as TargetName;
    const message = replicas[name].messageOf(pk, { total: 0 });
    const delivery: UpsertDelivery<never> = {
      change: changeOf({ after: { pk } }),
      message: message as never,
      earlier: [],
    };
    const [held] = (await replicas[name].sink.read?.([delivery], context)) ?? [];
    return held?.version;
  };

  const chosenKind = (wanted: Copy | undefined, order: Order | undefined): CorruptionKind => {
    if (wanted !== undefined) {
      return random.pick(["missing", "wrongly-removed", "stale", "different", "ahead", "unversioned"]);
    }
    return random.pick([order === undefined ? "ghost" : "unexpected", "ahead", "unversioned ghost"]);
  };
  /** Writes a wrong copy, or a tombstone, with a version that the target takes. */
  const writeWrong = async (name: TargetName, pk: string, kind: CorruptionKind): Promise<void> => {
    const { sink, messageOf } = replicas[name];
    const held = await heldVersion(name, pk);
    const sequenceNumber = corruptVersion(held, { isLowest: kind === "stale", isFar: random.chance(0.3) });
    const isRemoval = kind === "wrongly-removed";
    const ofEpoch = kind === "ahead" ? "20990102030405678" : epoch;
    const change = changeOf({ [isRemoval ? "before" : "after"]: { pk }, sequenceNumber }, ofEpoch);
    const message = isRemoval ? undefined : messageOf(pk, { total: 100 + random.integer(3) });
    const results = await sink.write([{ change, message: message as never, earlier: [] }], context);
    if (results[0]?.outcome !== "delivered") throw new Error(`the copy could not be made ${kind}`);
  };
  const losesVersion = (kind: CorruptionKind): boolean => kind === "unversioned" || kind === "unversioned ghost";
  const makeWrong = async (name: TargetName, pk: string, kind: CorruptionKind): Promise<void> => {
    const { forget, damage, unversion } = replicas[name];
    if (kind === "different" && (await damage?.(pk, random)) === true) return;
    if (kind === "missing" || kind === "stale") await forget(pk);
    // A copy may be right, and only its version be lost.
    const isRight = kind === "unversioned" && random.chance(0.5);
    if (kind !== "missing" && !isRight) await writeWrong(name, pk, kind);
    if (losesVersion(kind)) await unversion?.(pk);
  };
  const corrupt = async (): Promise<void> => {
    const name = random.pick(targetNames);
    const pk = `o-${random.integer(size)}`;
    const order = items.get(pk);
    // A change on its way would hide the corruption, or heal it. Nothing tells what a copy that is kept should be.
    const isMoving = undelivered.some((one) => one.pk === pk);
    const isWrong = corruptions.some((one) => one.target === name && one.pk === pk && one.healedAtMs > now);
    if (isMoving || isWrong || (name === "kept" && order === undefined)) return;
    const kind = chosenKind(order && copyOf[name](order), order);
    if (forgetful.has(kind) && (writtenAtMs.get(pk) ?? 0) > now - 2 * maxLagMs) return;
    if (losesVersion(kind) && replicas[name].unversion === undefined) return;
    await makeWrong(name, pk, kind);
    corruptions.push({ target: name, pk, kind, atMs: now, healedAtMs: Number.POSITIVE_INFINITY });
  };

  const happen = async (): Promise<void> => {
    if (!isCalm && nextWriteMs <= now) {
      write();
      nextWriteMs = now + 1 + random.integer(2 * writeEveryMs);
    }
    if (!isCalm && nextCorruptionMs <= now) {
      await corrupt();
      nextCorruptionMs = now + 1 + random.integer(2 * corruptEveryMs);
    }
    await deliverDue();
  };
  const pass = async (ms: number): Promise<void> => {
    const until = now + ms;
    for (;;) {
      const times = [...undelivered.map(({ dueMs }) => dueMs), ...(isCalm ? [] : [nextWriteMs, nextCorruptionMs])];
      const next = Math.min(...times);
      if (next > until) break;
      now = Math.max(now, next);
      await happen();
    }
    now = until;
  };
  let turn: Promise<void> = Promise.resolve();
  /** One call after the other: what is due has then been delivered before the next look. */
  const advance = (ms: number): Promise<void> => {
    turn = turn.then(() => pass(ms));
    return turn;
  };

  const clock: Clock = { now: () => now, sleep: async (ms) => advance(ms), random: () => 0.5 };
  const streamArn = "arn:aws:dynamodb:us-east-1:123456789012:table/Orders/stream/2026-01-02T03:04:05.678";
  const origin: RecordOrigin = { run: "verify-1", streamArn, keyNames: ["pk"] };
  const source: ItemSource = {
    name: "table Orders",
    units: async () => [0, 1, 2].map((segment) => ({ kind: "segment" as const, segment, segments: 3 })),
    pages: async function* (unit) {
      const segment = unit.kind === "segment" ? unit.segment : 0;
      const own = [...Array(size).keys()].filter((index) => index % 3 === segment);
      for (let from = 0; from < own.length; from += 3) {
        const found = own.slice(from, from + 3).flatMap((index) => items.get(`o-${index}`) ?? []);
        // The scan is eventually consistent, so a page may be older than its request.
        await advance(random.integer(400));
        const records = found.map((order) => backfillRecord(origin, toImage(order), "1800000000000000"));
        yield { records, cursor: from + 3 < own.length ? String(from) : undefined, readUnits: 1 };
      }
    },
  };
  const table: TableReader = {
    read: async (keys) => {
      await advance(random.integer(400));
      const found = new Map<string, Image>();
      for (const one of keys) {
        const order = items.get((one.pk as { readonly S: string }).S);
        if (order !== undefined) found.set(itemKeyOf(one), toImage(order));
      }
      await advance(random.integer(400));
      return found;
    },
  };

  for (let count = 0; count < size; count += 1) {
    write();
    now += 10;
  }
  isCalm = true;
  await advance(2 * maxLagMs + 1_000);
  isCalm = false;

  let failures = 0;

  return {
    random,
    clock,
    corruptions,
    writtenAtMs,
    corrupt,
    advance,
    heldVersion,
    // The function may fail before it writes, or when it has written.
    invoke: async (event) => {
      await advance(random.integer(20_000));
      const fails = failures < 3 ? random.pick(["never", "never", "never", "before", "after"]) : "never";
      failures = fails === "never" ? 0 : failures + 1;
      if (fails === "before") throw new Error("the function failed");
      const answer = (await handler(event as never, lambdaContext())) as unknown as TaskAnswer;
      if (fails === "after") throw new Error("the function has timed out");
      return answer;
    },
    options: {
      targets: orders.targets(),
      source,
      table,
      origin,
      keyTypes: { pk: "S" },
      graceMs: isLagging ? 20_000 : maxLagMs + 2_000,
      ...(isLagging && { lag: async () => Math.max(0, ...undelivered.map(({ atMs }) => now - atMs)) }),
      clock,
    },
    calm: async () => {
      isCalm = true;
      await advance(maxLagMs + 1_000);
    },
    forgetAhead: async () => {
      for (const one of corruptions) {
        if (one.kind !== "ahead" || one.healedAtMs <= now) continue;
        await replicas[one.target as TargetName].forget(one.pk);
        one.healedAtMs = now;
      }
    },
    wrong: async () => {
      const places: Place[] = [];
      for (const target of targetNames) {
        const rows = await replicas[target].rows();
        for (let index = 0; index < size; index += 1) {
          const pk = `o-${index}`;
          const order = items.get(pk);
          if (target === "kept" && order === undefined) continue;
          if (copiesDiffer(rows.get(pk), order && copyOf[target](order))) places.push({ target, pk });
        }
      }
      return places;
    },
    close: async () => {
      for (const name of targetNames) await replicas[name].close();
    },
  };
};
