// Sinks with a defect in `read`, `canonical`, `keys`, or in the order of versions with a fraction.

import {
  type CopyContent,
  type DeliveryError,
  type HeldCopy,
  type HeldKey,
  type Image,
  isRecord,
  type KeysPage,
  type KeysRequest,
  type UpsertDelivery,
  type WriteContext,
} from "@sluice/core/sink-kit";
import type { CaseId, MemoryUpsertSink, SpecimenItem } from "@sluice/testing";
import { type Break, type BrokenSink, rewriting } from "./defect.ts";
import { upsertConformance } from "./memory-rigs.ts";

type One = UpsertDelivery<SpecimenItem>;
type Memory = MemoryUpsertSink<SpecimenItem>;
type Methods = Required<Pick<Memory, "read" | "canonical" | "keys">>;
type Held = HeldCopy | undefined;
type StoredItem = NonNullable<Parameters<Parameters<Memory["corrupt"]>[1]>[0]>;

/** The memory sink with other methods, which get the correct ones. */
const reading = (
  caughtBy: CaseId,
  defect: string,
  change: (right: Methods, sink: Memory) => Partial<Memory>,
): BrokenSink => ({
  caughtBy,
  defect,
  conformance: upsertConformance((sink) => ({ sink: { ...sink, ...change(sink as Methods, sink) } })),
});

const neverAborted = new AbortController().signal;

/** The memory sink with another answer of `read`. */
const answering = (
  caughtBy: CaseId,
  defect: string,
  answer: (held: readonly Held[], batch: readonly One[], sink: Memory) => readonly Held[],
): BrokenSink =>
  reading(caughtBy, defect, (right, sink) => ({
    read: async (batch, context) => answer(await right.read(batch, context), batch, sink),
  }));

const eachHeld = (caughtBy: CaseId, defect: string, change: (held: HeldCopy, one: One) => Held): BrokenSink =>
  answering(caughtBy, defect, (held, batch) => held.map((one, index) => one && change(one, batch[index] as One)));

/** A sink that makes contents of changed messages, in `read` and in `canonical`. */
const viewing = (
  caughtBy: CaseId,
  defect: string,
  view: (message: SpecimenItem, isHeld: boolean) => unknown,
): BrokenSink =>
  reading(caughtBy, defect, (right, sink) => {
    const contents = (batch: readonly One[], context: WriteContext, isHeld: boolean) =>
      right.canonical(
        batch.map((one) => ({ ...one, message: view(one.message as SpecimenItem, isHeld) as SpecimenItem })),
        context,
      );
    return {
      canonical: (batch, context) => contents(batch, context, false),
      read: async (batch, context) => {
        const held = await right.read(batch, context);
        const stored = batch.map((one) => ({ ...one, message: sink.items().get(one.change.itemKey) as SpecimenItem }));
        const live = await contents(
          stored.filter(({ message }) => message !== undefined),
          context,
          true,
        );
        let next = 0;
        return held.map((one) => (one?.state === "live" ? { ...one, content: live[next++] as CopyContent } : one));
      },
    };
  });

/** Changes each value in a message, the innermost first. */
const eachValue = (value: unknown, change: (value: unknown) => unknown): unknown => {
  if (Array.isArray(value)) return change(value.map((one) => eachValue(one, change)));
  if (value instanceof Set) return change(new Set([...value].map((one) => eachValue(one, change))));
  if (!isRecord(value) || value instanceof Uint8Array || "value" in value) return change(value);
  const members = Object.entries(value).map(([name, one]) => [name, eachValue(one, change)]);
  return change(Object.fromEntries(members.filter(([, one]) => one !== dropped)));
};

const dropped = Symbol("dropped");

const viewingValues = (caughtBy: CaseId, defect: string, change: (value: unknown) => unknown): BrokenSink =>
  viewing(caughtBy, defect, (message) => eachValue(message, change));

const textView = (caughtBy: CaseId, defect: string, change: (text: string) => string): BrokenSink =>
  viewingValues(caughtBy, defect, (value) => (typeof value === "string" ? change(value) : value));

/** The memory sink with another answer of `canonical`. */
const predicting = (
  caughtBy: CaseId,
  defect: string,
  change: (
    found: readonly (CopyContent | DeliveryError)[],
    batch: readonly One[],
  ) => readonly (CopyContent | DeliveryError)[],
): BrokenSink =>
  reading(caughtBy, defect, (right) => ({
    canonical: async (batch, context) => change(await right.canonical(batch, context), batch),
  }));

/** The memory sink with another answer of `keys`. */
const listing = (
  caughtBy: CaseId,
  defect: string,
  list: (request: KeysRequest, right: (request: KeysRequest) => Promise<KeysPage>, sink: Memory) => Promise<KeysPage>,
): BrokenSink =>
  reading(caughtBy, defect, (right, sink) => ({
    keys: (request, context) => list(request, (other) => right.keys(other, context), sink),
  }));

const eachKey = (caughtBy: CaseId, defect: string, change: (key: HeldKey) => HeldKey | undefined): BrokenSink =>
  listing(caughtBy, defect, async (request, right) => {
    const { keys, next } = await right(request);
    return { keys: keys.flatMap((key) => change(key) ?? []), next };
  });

const textIn = (keys: Image | undefined, name = "pk"): string =>
  String((keys?.[name] as { readonly S?: string } | undefined)?.S);

/** What the memory sink holds of an item. */
const storedOf = (sink: Memory, { change }: One): StoredItem | undefined => {
  let found: StoredItem | undefined;
  sink.corrupt(change.itemKey, (held) => {
    found = held;
    return held;
  });
  return found;
};

/** A guard that compares the result of `version`. */
const ranking = (caughtBy: CaseId, defect: string, version: (one: One) => string): BrokenSink => ({
  caughtBy,
  defect,
  conformance: upsertConformance((sink) => {
    const broken: Break<One> = rewriting((one) => ({ ...one, change: { ...one.change, version: version(one) } }));
    return { sink: { ...sink, write: broken(sink.write) } };
  }),
});

const withoutFraction = (version: string): string => version.slice(0, 58);

let calls = 0;

export const brokenReadingSinks: readonly BrokenSink[] = [
  // read
  eachHeld("U17", "returns no tombstones", (held) => (held.state === "live" ? held : undefined)),
  reading("U17", "returns the content of the delivery instead of the target's", (right) => ({
    read: async (batch, context) => {
      const expected = await right.canonical(batch, context);
      return (await right.read(batch, context)).map(
        (held, index) => held && { ...held, content: expected[index] as CopyContent },
      );
    },
  })),
  answering("U17", "drops unknown items from the answer of read", (held) => held.filter((one) => one !== undefined)),
  answering("U17", "answers read in the order of the keys", (held, batch) =>
    [...batch.keys()]
      .sort((one, other) => (String(batch[one]?.change.itemKey) < String(batch[other]?.change.itemKey) ? -1 : 1))
      .map((index) => held[index]),
  ),
  answering("U17", "answers read in the reverse order", (held) => [...held].reverse()),
  answering("U20", "reads an item that is twice in the batch once", (held, batch) => {
    const seen = new Set<string>();
    return held.map((one, index) => {
      const { itemKey } = (batch[index] as One).change;
      return seen.size === seen.add(itemKey).size ? undefined : one;
    });
  }),
  answering("U20", "reads the first 100 items of a batch", (held) =>
    held.map((one, index) => (index < 100 ? one : undefined)),
  ),
  answering("U17", "answers read for one item only", (held) => held.slice(0, 1)),
  reading("U17", "reads each item once, and remembers what it held", (right) => {
    const known = new Map<string, Held>();
    return {
      read: async (batch, context) => {
        const held = await right.read(batch, context);
        for (const [index, one] of held.entries()) {
          const { itemKey } = (batch[index] as One).change;
          if (!known.has(itemKey) && one !== undefined) known.set(itemKey, one);
        }
        return batch.map(({ change }) => known.get(change.itemKey));
      },
    };
  }),
  eachHeld("U17", "reads versions without a fraction", (held) => ({ ...held, version: withoutFraction(held.version) })),
  eachHeld("U17", "reads the version of the delivery", (held, { change }) => ({ ...held, version: change.version })),
  eachHeld("U17", "reads a tombstone as hidden", (held) =>
    held.state === "removed" ? { ...held, state: "hidden" } : held,
  ),
  eachHeld("U17", "reads a tombstone as a copy without content", (held) =>
    held.state === "removed" ? { ...held, state: "live", content: {} } : held,
  ),
  eachHeld("U17", "reads no content for a delivery without a message", (held, { message }) =>
    message === undefined ? undefined : held,
  ),
  eachHeld("U17", "reads no version of a live copy for a delivery without a message", (held, { message }) =>
    message === undefined && held.state === "live" ? { ...held, version: "" } : held,
  ),
  answering("U17", "reads tombstones with the content that was removed", (held, batch) =>
    held.map(
      (one, index) => one && (one.state === "removed" ? { ...one, content: { pk: String(batch[index]) } } : one),
    ),
  ),
  eachHeld("U20", "reads only the members that the delivery has", (held, { message }) => ({
    ...held,
    ...(held.content && {
      content: Object.fromEntries(Object.entries(held.content).filter(([name]) => name in (message ?? {}))),
    }),
  })),
  reading("U17", "writes in read", (right, sink) => ({
    read: async (batch, context) => {
      const held = await right.read(batch, context);
      await sink.write(
        batch.filter(({ change }) => change.kind !== "remove"),
        context,
      );
      return held;
    },
  })),
  reading("U17", "forgets tombstones in read", (right, sink) => ({
    read: async (batch, context) => {
      const held = await right.read(batch, context);
      for (const one of batch)
        sink.corrupt(one.change.itemKey, (item) => (item?.message === undefined ? undefined : item));
      return held;
    },
  })),
  reading("U17", "writes in canonical", (right, sink) => ({
    canonical: async (batch, context) => {
      await sink.write(batch, context);
      return right.canonical(batch, context);
    },
  })),
  reading("U22", "answers that the target holds nothing when it cannot be reached", (right) => ({
    read: (batch, context) => right.read(batch, context).catch(() => batch.map(() => undefined)),
  })),
  reading("U22", "throws the error of the client in read", (right) => ({
    read: (batch, context) =>
      right.read(batch, context).catch((error: Error) => {
        throw error.cause;
      }),
  })),
  reading("U22", "ignores the signal in read", (right) => ({
    read: (batch, context) => right.read(batch, { ...context, signal: neverAborted }),
  })),
  reading("U22", "ignores the signal in keys", (right) => ({
    keys: (request, context) => right.keys(request, { ...context, signal: neverAborted }),
  })),
  reading("U22", "answers an empty page when the target cannot be reached", (right) => ({
    keys: (request, context) => right.keys(request, context).catch(() => ({ keys: [], next: undefined })),
  })),

  // canonical and content
  predicting("U18", "predicts no content of numbers", (found) =>
    found.map((content) => {
      const { amount: _, ...rest } = content as CopyContent;
      return rest;
    }),
  ),
  predicting("U20", "predicts another content each time", (found) =>
    found.map((one) => ({ ...one, at: String(++calls) })),
  ),
  predicting("U20", "predicts in the reverse order", (found) => [...found].reverse()),
  predicting("U20", "predicts the first content for all", (found) => found.map(() => found[0] as CopyContent)),
  predicting("U17", "predicts one content too few", (found) => found.slice(1)),
  viewing("U20", "makes texts in the order of the members", (message) => ({
    ...message,
    ...(message.payload && { payload: JSON.stringify(message.payload) }),
  })),
  viewingValues("U20", "makes texts of sets in the order of their entries", (value) =>
    value instanceof Set ? [...value] : value,
  ),
  viewingValues("U20", "rounds numbers in contents", (value) =>
    isRecord(value) && "value" in value ? Number(value.value) : value,
  ),
  viewingValues("U20", "sorts lists in contents", (value) =>
    Array.isArray(value)
      ? [...value].sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1))
      : value,
  ),
  viewingValues("U20", "leaves null out of contents", (value) => (value === null ? dropped : value)),
  viewingValues("U20", "leaves empty texts, lists and maps out of contents", (value) =>
    value === "" ||
    (Array.isArray(value) && value.length === 0) ||
    (isRecord(value) && Object.keys(value).length === 0 && !(value instanceof Uint8Array))
      ? dropped
      : value,
  ),
  viewingValues("U20", "makes one text of the number 1 and the text 1", (value) =>
    typeof value === "number" ? String(value) : value,
  ),
  viewingValues("U20", "makes one text of true and the text true", (value) =>
    typeof value === "boolean" ? String(value) : value,
  ),
  viewingValues("U20", "makes one text of false and null", (value) => (value === false ? null : value)),
  viewingValues("U20", "makes one text of bytes of one length", (value) =>
    value instanceof Uint8Array ? `${value.length} bytes` : value,
  ),
  viewingValues("U20", "compares fractions to 10 digits", (value) =>
    typeof value === "number" ? Number(value.toPrecision(10)) : value,
  ),
  textView("U20", "trims texts in contents", (text) => text.trim()),
  textView("U20", "compares texts in lower case", (text) => text.toLowerCase()),
  textView("U20", "normalises texts in contents", (text) => text.normalize("NFC")),
  textView("U20", "compares the first 100 characters of texts", (text) => text.slice(0, 100)),
  textView("U20", "makes one text of a line break and a space", (text) => text.replaceAll("\n", " ")),
  viewing("U20", "compares two levels", (message) => ({
    ...message,
    ...(message.payload && {
      payload: Object.fromEntries(
        Object.entries(message.payload).map(([name, value]) => [name, isRecord(value) ? Object.keys(value) : value]),
      ),
    }),
  })),
  viewing("U20", "compares only texts and numbers", ({ payload: _, ...message }) => message),
  viewing("U20", "compares no notes", ({ note: _, ...message }) => message),
  viewing("U20", "compares only the revision", ({ pk, sk, revision }) => ({ pk, sk, revision })),
  reading("U21", "predicts a content for a message that it cannot write", (right) => ({
    canonical: async (batch, context) => {
      const found = await right.canonical(batch, context);
      return found.map((one) => ("code" in one && one instanceof Error ? {} : one));
    },
  })),
  reading("U21", "throws in canonical for a message that it cannot write", (right) => ({
    canonical: async (batch, context) => {
      const found = await right.canonical(batch, context);
      for (const one of found) if (one instanceof Error) throw one;
      return found;
    },
  })),

  // keys
  listing("U19", "lists every key in every part", (request, right) => right({ ...request, part: 0, parts: 1 })),
  listing("U19", "loses the last key of a page", async (request, right) => {
    const page = await right(request);
    return page.next === undefined ? page : { ...page, keys: page.keys.slice(0, -1) };
  }),
  listing("U19", "lists no last page", async (request, right) => {
    const page = await right(request);
    return page.next === undefined && request.after !== undefined ? { keys: [], next: undefined } : page;
  }),
  listing("U19", "lists no first key of a part", async (request, right) => {
    const page = await right(request);
    return request.after === undefined ? { ...page, keys: page.keys.slice(1) } : page;
  }),
  listing("U19", "begins a page with the last key of the page before", async (request, right) => {
    const page = await right(request);
    if (request.after === undefined) return page;
    const before = await right({ ...request, after: undefined, limit: 10_000 });
    const first = before.keys.find((key) => key.version === page.keys[0]?.version);
    const at = first === undefined ? -1 : before.keys.indexOf(first);
    return at < 1 ? page : { ...page, keys: [before.keys[at - 1] as HeldKey, ...page.keys].slice(0, request.limit) };
  }),
  listing("U19", "skips the first key of each page but the first", async (request, right) => {
    const page = await right(request);
    return request.after === undefined ? page : { ...page, keys: page.keys.slice(1) };
  }),
  listing("U19", "ends never", async (request, right) => {
    const page = await right(request);
    return { ...page, next: page.next ?? request.after ?? "" };
  }),
  listing("U19", "answers more keys than the limit", (request, right) =>
    right({ ...request, limit: request.limit + 1 }),
  ),
  listing("U19", "lists only the first two parts", async (request, right) =>
    request.part > 1 ? { keys: [], next: undefined } : right(request),
  ),
  listing("U19", "numbers the parts from 1", (request, right) => right({ ...request, part: request.part - 1 })),
  listing("U19", "ignores parts: part 0 has all", async (request, right) =>
    request.part === 0 && request.parts > 2 ? right({ ...request, parts: 1 }) : right(request),
  ),
  listing("U19", "lists only the first four parts", async (request, right) =>
    request.part > 3 ? { keys: [], next: undefined } : right(request),
  ),
  listing("U19", "counts pages instead of keys", async ({ after, limit, ...request }, right) => {
    const all = await right({ ...request, after: undefined, limit: 10_000 });
    const start = Number(after ?? 0);
    const isLast = start + limit >= all.keys.length;
    return { keys: all.keys.slice(start, start + limit), next: isLast ? undefined : String(start + limit) };
  }),
  reading("U19", "remembers where the page before ended", (right) => {
    let last: string | undefined;
    return {
      keys: async (request, context) => {
        const page = await right.keys({ ...request, after: request.after === undefined ? undefined : last }, context);
        last = page.next;
        return page;
      },
    };
  }),
  reading("U19", "lists tombstones", (right, sink) => {
    const removed = new Map<string, HeldKey>();
    return {
      write: async (batch, context) => {
        for (const { change, message } of batch) {
          if (message === undefined) {
            removed.set(change.itemKey, { keys: change.record.dynamodb?.Keys, version: change.version });
          } else removed.delete(change.itemKey);
        }
        return sink.write(batch, context);
      },
      keys: async (request, context) => {
        const page = await right.keys(request, context);
        const isLast = page.next === undefined && request.part === 0 && page.keys.length < request.limit;
        return isLast ? { ...page, keys: [...page.keys, ...removed.values()].slice(0, request.limit) } : page;
      },
    };
  }),
  eachKey("U19", "lists no keys with a quotation mark", (key) => (textIn(key.keys).includes('"') ? undefined : key)),
  eachKey("U19", "lists no keys with a space at the end", (key) => (/\s$/.test(textIn(key.keys)) ? undefined : key)),
  eachKey("U19", "lists no keys beyond ASCII", (key) => (/[^ -~]/.test(textIn(key.keys)) ? undefined : key)),
  eachKey("U19", "lists keys in lower case", ({ keys, version }) => ({
    version,
    keys: keys && { ...keys, pk: { S: textIn(keys).toLowerCase() } },
  })),
  eachKey("U19", "guesses the key of an item from a joined text", ({ keys, version }) => {
    const [pk = "", sk = ""] = `${textIn(keys).replace(/^[^#]*#/, "")}#${textIn(keys, "sk")}`.split("#");
    return { version, keys: keys && { pk: { S: `confidential-7f3a#${pk}` }, sk: { S: sk } } };
  }),
  eachKey("U19", "lists the keys without the sort key", ({ keys, version }) => ({
    version,
    keys: keys && { pk: keys.pk as Image[string] },
  })),
  eachKey("U19", "lists the key with its value instead of an attribute value", ({ keys, version }) => ({
    version,
    keys: keys && ({ pk: textIn(keys), sk: textIn(keys, "sk") } as unknown as Image),
  })),
  eachKey("U19", "lists versions without a fraction", ({ keys, version }) => ({
    keys,
    version: withoutFraction(version),
  })),
  eachKey("U19", "lists no copies that a backfill or a repair wrote", (key) =>
    key.version.includes(".") ? undefined : key,
  ),

  // fractions
  ranking("U16", "compares versions as numbers", ({ change: { version } }) =>
    Number(version.slice(18))
      .toExponential(15)
      .replace(/(.*)e\+?(\d+)/, (_, digits, exponent) => `${String(exponent).padStart(4, "0")}${digits}`),
  ),
  ranking(
    "U16",
    "compares the digits of sequence number and fraction as one number",
    ({ change: { version } }) => version.slice(0, 18) + version.slice(18).replace(".", "").padStart(60, "0"),
  ),
  ranking("U16", "compares fractions of milliseconds", ({ change: { version } }) => version.slice(0, 72)),
  ranking("U16", "ranks a fraction below its version", ({ change: { version } }) =>
    version.includes(".") ? `${version.slice(0, 57)}${"/"}${version.slice(58)}` : version,
  ),
  ranking("U16", "gives removals no fraction", ({ change: { version }, message }) =>
    message === undefined ? withoutFraction(version) : version,
  ),
  ranking("U16", "takes a repair for a change of another stream", ({ change: { version } }) =>
    version.includes(".") ? version.replace(/^\d{17}/, "0".repeat(17)) : version,
  ),
  reading("U16", "overwrites at every repair", (_, sink) => ({
    write: async (batch, context) => {
      for (const one of batch) {
        const held = storedOf(sink, one);
        const isRepair = one.change.version.includes(".") && !/-0{40}/.test(one.change.version);
        if (isRepair && held !== undefined) sink.corrupt(one.change.itemKey, () => ({ ...held, version: "" }));
      }
      return sink.write(batch, context);
    },
  })),
  reading("U16", "repairs a copy once", (_, sink) => ({
    write: async (batch, context) => {
      const isTwice = (one: One): boolean =>
        /[1-9].*\./.test(one.change.version.slice(18)) && (storedOf(sink, one)?.version.includes(".") ?? false);
      const twice = batch.filter(isTwice);
      const rest = batch.filter((one) => !twice.includes(one));
      return [
        ...twice.map((delivery) => ({ delivery, outcome: "superseded" as const })),
        ...(await sink.write(rest, context)),
      ];
    },
  })),
];
