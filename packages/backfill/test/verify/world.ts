// A table, its stream and the targets of a pipeline in a simulated time. While a verification runs, items are written, changes are
// delivered late, and copies are corrupted.

import { type Pipeline, pipeline } from "@sluice/core";
import { type Image, itemKeyOf, type StreamRecord } from "@sluice/core/envelope";
import type { Clock, Sink } from "@sluice/core/sink-kit";
import {
  lambdaContext,
  type MemoryUpsertSink,
  memoryUpsertSink,
  type PlainItem,
  tableHistory,
  toImage,
} from "@sluice/testing";
import type { Finding, FindingClass, Invoke, TaskAnswer, VerifyOptions } from "../../src/index.ts";
import { backfillRecord, type RecordOrigin, type Source } from "../../src/index.ts";
import { type Random, randomOf } from "./random.ts";

/** An item of the table. */
export interface Order extends PlainItem {
  readonly pk: string;
  readonly total: number;
  readonly label: string;
  readonly isOpen: boolean;
}

type Message = { readonly [member: string]: unknown };

/** A copy that was corrupted. */
export interface Corruption {
  readonly target: string;
  readonly pk: string;
  readonly class: FindingClass;
  readonly atMs: number;
  healedAtMs: number;
}

/** How a world behaves. */
export interface WorldOptions {
  readonly items?: number;
  readonly maxLagMs?: number;
  readonly writeEveryMs?: number;
  readonly corruptEveryMs?: number;
}

const routes = ["all", "open"] as const;
type RouteName = (typeof routes)[number];

const keyImage = (pk: string): Image => ({ pk: { S: pk } });
const keyOf = (pk: string): string => itemKeyOf(keyImage(pk));

/** Content of the copies that the targets should have. */
export const copyOf: { readonly [Route in RouteName]: (order: Order) => Message | undefined } = {
  all: ({ total, label }) => ({ total, label }),
  open: ({ total, isOpen }) => (isOpen ? { total, kind: "open" } : undefined),
};

/** A world in which a verification runs. */
export interface World {
  readonly random: Random;
  readonly clock: Clock;
  readonly options: VerifyOptions;
  readonly invoke: Invoke;
  readonly corruptions: readonly Corruption[];
  readonly items: ReadonlyMap<string, Order>;
  readonly writtenAtMs: ReadonlyMap<string, number>;
  readonly heldVersion: (target: string, pk: string) => string | undefined;
  /** Corrupts a random copy. */
  readonly corrupt: () => void;
  /** Lets time pass. */
  readonly advance: (ms: number) => Promise<void>;
  /** Ends writes and corruptions, and delivers every change. */
  readonly calm: () => Promise<void>;
  /** Items whose copy in a target is not what it should be. */
  readonly wrong: () => readonly { readonly target: string; readonly pk: string }[];
  readonly keysOf: (finding: Finding) => string;
}

/** Creates a world with a table whose items are all copied. */
export const newWorld = async (seed: number, options: WorldOptions = {}): Promise<World> => {
  const { items: size = 24, maxLagMs = 30_000, writeEveryMs = 5_000, corruptEveryMs = 40_000 } = options;
  const random = randomOf(seed);
  const history = tableHistory({ keyNames: ["pk"], tableName: "Orders" });
  const items = new Map<string, Order>();
  const writtenAtMs = new Map<string, number>();
  const corruptions: Corruption[] = [];
  const undelivered: {
    readonly record: StreamRecord;
    readonly pk: string;
    readonly atMs: number;
    readonly dueMs: number;
  }[] = [];
  const delivered: (typeof undelivered)[number][] = [];
  let now = 1_800_000_000_000;
  let isCalm = false;
  let nextWriteMs = now;
  let nextCorruptionMs = now + corruptEveryMs;

  const sinks: Record<RouteName, MemoryUpsertSink<Message>> = { all: memoryUpsertSink(), open: memoryUpsertSink() };

  /** A sink that takes time, and that notes which copies it has written. */
  const slowSink = (name: RouteName): Sink<Message, "upsert"> => {
    const sink = sinks[name];
    return {
      ...sink,
      write: async (batch, context) => {
        const results = await sink.write(batch, context);
        for (const { delivery, outcome } of results) {
          if (outcome !== "delivered") continue;
          for (const one of corruptions) {
            const isHealed = one.target === name && keyOf(one.pk) === delivery.change.itemKey;
            if (isHealed && one.healedAtMs > now) one.healedAtMs = now;
          }
        }
        return results;
      },
      read: async (batch, context) => {
        await advance(random.integer(400));
        const held = await sink.read?.(batch, context);
        await advance(random.integer(400));
        return held ?? [];
      },
      keys: async (request, context) => {
        await advance(random.integer(400));
        return (await sink.keys?.({ ...request, limit: 4 }, context)) ?? { keys: [], next: undefined };
      },
    };
  };

  const orders: Pipeline<Order> = pipeline<Order>("orders", { onReject: "block" } as never)
    .to(slowSink("all"), ({ after }) => copyOf.all(after), { name: "all" })
    .to(slowSink("open"), ({ after }) => copyOf.open(after), { name: "open" });
  const handler = orders.handler();
  const deliver = async (records: readonly StreamRecord[]): Promise<void> => {
    if (records.length > 0) await handler({ Records: records } as never, lambdaContext());
  };

  const noteWrite = (pk: string, record: StreamRecord): void => {
    const before = undelivered.filter((one) => one.pk === pk).at(-1)?.dueMs ?? 0;
    undelivered.push({ record, pk, atMs: now, dueMs: Math.max(before, now + random.integer(maxLagMs)) });
    writtenAtMs.set(pk, now);
  };
  const write = (): void => {
    const pk = `o-${Math.floor((random.integer(1_000) / 1_000) ** 1.5 * size)}`;
    const before = items.get(pk);
    if (before !== undefined && random.chance(0.25)) {
      items.delete(pk);
      noteWrite(pk, history.remove({ pk }));
      return;
    }
    const order = { pk, total: random.integer(3), label: random.pick(["a", "b"]), isOpen: random.chance(0.5) };
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(order)) return;
    items.set(pk, order);
    noteWrite(pk, history.put(order));
  };
  const deliverDue = async (): Promise<void> => {
    const due = undelivered.filter(({ dueMs }) => dueMs <= now);
    for (const one of due) undelivered.splice(undelivered.indexOf(one), 1);
    const records = due.map(({ record }) => record);
    await deliver(records);
    delivered.push(...due);
    // Deliveries are repeated, but not after any time: a copy that lost its version could not tell them from new changes.
    const repeatable = delivered.filter(({ atMs }) => atMs > now - maxLagMs);
    if (repeatable.length > 0 && random.chance(0.2)) await deliver([random.pick(repeatable).record]);
  };

  const corrupt = (): void => {
    const target = random.pick(routes);
    const pk = `o-${random.integer(size)}`;
    const order = items.get(pk);
    const wanted = order && copyOf[target](order);
    const isOpen = undelivered.some((one) => one.pk === pk);
    // A change on its way would hide the corruption, or heal it.
    if (isOpen || corruptions.some((one) => one.target === target && one.pk === pk && one.healedAtMs > now)) return;
    const kinds: readonly FindingClass[] =
      wanted === undefined
        ? [order === undefined ? "ghost" : "unexpected"]
        : ["missing", "wrongly-removed", "stale", "different"];
    const kind = random.pick(kinds);
    const keys = keyImage(pk);
    const lowest = `20260102030405678-${"0".repeat(40)}`;
    sinks[target].corrupt(keyOf(pk), (held) => {
      const version = held?.version ?? lowest;
      if (kind === "missing") return undefined;
      if (kind === "wrongly-removed") return { version, message: undefined, keys };
      const message = { ...wanted, total: 100 + random.integer(3) };
      return { version: kind === "stale" ? lowest : version, message, keys };
    });
    corruptions.push({ target, pk, class: kind, atMs: now, healedAtMs: Number.POSITIVE_INFINITY });
  };

  let turn: Promise<void> = Promise.resolve();
  const pass = async (ms: number): Promise<void> => {
    const until = now + ms;
    for (;;) {
      const due = Math.min(...undelivered.map(({ dueMs }) => dueMs));
      const events = [due, ...(isCalm ? [] : [nextWriteMs, nextCorruptionMs])];
      const next = Math.min(...events);
      if (next > until) break;
      now = Math.max(now, next);
      if (!isCalm && nextWriteMs <= now) {
        write();
        nextWriteMs = now + 1 + random.integer(2 * writeEveryMs);
      }
      if (!isCalm && nextCorruptionMs <= now) {
        corrupt();
        nextCorruptionMs = now + 1 + random.integer(2 * corruptEveryMs);
      }
      await deliverDue();
    }
    now = until;
  };
  /** One after the other: a look must not see a change as delivered before the handler has run. */
  const advance = (ms: number): Promise<void> => {
    turn = turn.then(() => pass(ms));
    return turn;
  };

  const clock: Clock = { now: () => now, sleep: async (ms) => advance(ms), random: () => 0.5 };
  const origin: RecordOrigin = {
    run: "verify-1",
    streamArn: "arn:aws:dynamodb:us-east-1:123456789012:table/Orders/stream/2026-01-02T03:04:05.678",
    keyNames: ["pk"],
  };
  const source: Source = {
    name: "table Orders",
    units: async () => [0, 1, 2].map((segment) => ({ kind: "segment" as const, segment, segments: 3 })),
    pages: async function* (unit) {
      // The scan is eventually consistent, so a page may be older than its request.
      const segment = unit.kind === "segment" ? unit.segment : 0;
      const own = [...Array(size).keys()].filter((index) => index % 3 === segment);
      for (let from = 0; from < own.length; from += 3) {
        const found = own.slice(from, from + 3).flatMap((index) => items.get(`o-${index}`) ?? []);
        await advance(random.integer(400));
        const records = found.map((order) => backfillRecord(origin, toImage(order), "1800000000000000"));
        yield { records, cursor: from + 3 < own.length ? String(from) : undefined, readUnits: 1 };
      }
    },
  };
  const invoke: Invoke = async (event) => {
    await advance(random.integer(20_000));
    return (await handler(event as never, lambdaContext())) as unknown as TaskAnswer;
  };

  for (let count = 0; count < size; count += 1) {
    write();
    now += 10;
  }
  await pass(maxLagMs + 1_000);
  corruptions.length = 0;

  return {
    random,
    clock,
    corruptions,
    items,
    writtenAtMs,
    corrupt,
    advance,
    invoke,
    heldVersion: (target, pk) => {
      let version: string | undefined;
      sinks[target as RouteName].corrupt(keyOf(pk), (held) => {
        version = held?.version;
        return held;
      });
      return version;
    },
    options: {
      targets: orders.targets(),
      source,
      origin,
      keyTypes: { pk: "S" },
      table: {
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
      },
      graceMs: maxLagMs + 2_000,
      clock,
    },
    calm: async () => {
      isCalm = true;
      await advance(maxLagMs + 1_000);
    },
    wrong: () =>
      routes.flatMap((target) => {
        const held = sinks[target].items();
        return [...Array(size).keys()].flatMap((index) => {
          const pk = `o-${index}`;
          const order = items.get(pk);
          const wanted = order && copyOf[target](order);
          const isRight = JSON.stringify(held.get(keyOf(pk))) === JSON.stringify(wanted);
          return isRight ? [] : [{ target, pk }];
        });
      }),
    keysOf: ({ keys }) => (keys.pk as { readonly S: string }).S,
  };
};
