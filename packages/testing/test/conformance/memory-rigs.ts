// Rigs for the memory sinks, with small limits. To create a broken sink, a test replaces members of a rig.

import {
  type AppendConformance,
  type AppendRig,
  type MemoryAppendSink,
  type MemoryUpsertSink,
  memoryAppendSink,
  memoryUpsertSink,
  messageBytes,
  type SpecimenItem,
  type UpsertConformance,
  type UpsertRig,
} from "@sluice/testing";

export type AppendMessage = {
  readonly version: string;
  readonly kind: string;
  readonly after: SpecimenItem | undefined;
};

const limits = { maxEntries: 7, maxBytes: 16_000 };

const shared = {
  limits: { maxEntries: limits.maxEntries, maxBytes: { total: limits.maxBytes, sizeOf: messageBytes } },
  badOptions: {
    maxEntries: () => memoryUpsertSink({ maxEntries: 0 }),
    maxBytes: () => memoryAppendSink({ maxBytes: 1.5 }),
  },
  print: () => undefined,
};

export type UpsertWrap = (sink: MemoryUpsertSink<SpecimenItem>) => Partial<UpsertRig<SpecimenItem>>;
export type AppendWrap = (sink: MemoryAppendSink<AppendMessage>) => Partial<AppendRig<AppendMessage>>;

/** Options of the kit for the memory upsert sink. `wrap` returns replacements for members of the rig. */
export const upsertConformance = (wrap: UpsertWrap = () => ({})): UpsertConformance<SpecimenItem> => ({
  ...shared,
  writes: "upsert",
  open: async () => {
    const sink = memoryUpsertSink<SpecimenItem>(limits);
    return {
      sink,
      toMessage: ({ after }) => after,
      read: async () => [...sink.items().values()],
      requests: sink.requests,
      fail: sink.fail,
      endFault: sink.endFault,
      close: () => undefined,
      secrets: ["memory-password"],
      ...wrap(sink),
    };
  },
});

/** Options of the kit for the memory append sink. `wrap` returns replacements for members of the rig. */
export const appendConformance = (wrap: AppendWrap = () => ({})): AppendConformance<AppendMessage> => ({
  ...shared,
  writes: "append",
  open: async () => {
    const sink = memoryAppendSink<AppendMessage>(limits);
    return {
      sink,
      toMessage: ({ version, kind, after }) => ({ version, kind, after }),
      read: async () => sink.sent(),
      requests: sink.requests,
      fail: sink.fail,
      endFault: sink.endFault,
      close: () => undefined,
      ...wrap(sink),
    };
  },
});
