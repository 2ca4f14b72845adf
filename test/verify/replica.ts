// A target of the verification suite, and the one in memory.

import { itemKeyOf } from "@sluice/core/envelope";
import type { Sink } from "@sluice/core/sink-kit";
import { memoryUpsertSink } from "@sluice/testing";
import type { Random } from "../convergence/random.ts";

/** A copy: its members without the key. */
export type Copy = { readonly [member: string]: string | number };

/** A target. */
export interface Replica {
  readonly sink: Sink<never, "upsert">;
  readonly messageOf: (pk: string, copy: Copy) => unknown;
  /** Deletes the copy and all that the target knows of it, as another program could. */
  readonly forget: (pk: string) => Promise<void>;
  /** Deletes the version of a live copy, which stays. Absent if the target keeps no copy without a version. */
  readonly unversion?: (pk: string) => Promise<void>;
  /**
   * Changes a part of a live copy behind the sink, as another program could. Returns whether it changed something. Only for a
   * target with several places for one item.
   */
  readonly damage?: (pk: string, random: Random) => Promise<boolean>;
  /** The copies that a user of the target sees, by `pk`. Shares no code with the sink. */
  readonly rows: () => Promise<ReadonlyMap<string, Copy>>;
  readonly close: () => Promise<void>;
}

/** Opens an empty target with this name. */
export type OpenReplica = (name: string) => Promise<Replica>;

const itemKey = (pk: string): string => itemKeyOf({ pk: { S: pk } });

/** Opens a target in memory. */
export const openMemory: OpenReplica = async () => {
  const sink = memoryUpsertSink<Copy & { readonly pk: string }>();
  return {
    sink: sink as never,
    messageOf: (pk, copy) => ({ pk, ...copy }),
    forget: async (pk) => sink.corrupt(itemKey(pk), () => undefined),
    unversion: async (pk) => sink.corrupt(itemKey(pk), (held) => held && { ...held, version: "" }),
    rows: async () => new Map([...sink.items().values()].map(({ pk, ...copy }) => [pk, copy as Copy])),
    close: async () => undefined,
  };
};
