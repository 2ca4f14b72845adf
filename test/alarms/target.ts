// The target of an upsert route: it takes the newest version of each item, after a delay by the fake clock.

import {
  type Clock,
  delivered,
  failed,
  type Sink,
  SinkError,
  superseded,
  type UpsertDelivery,
} from "@sluice/core/sink-kit";

/** How the target answers. `refusing`: it refuses the items whose key begins with `bad`. */
export type TargetMode = "up" | "down" | "refusing";

export interface Target {
  readonly sink: Sink<unknown, "upsert">;
  mode: TargetMode;
  /** How long a batch takes. */
  latencyMs: number;
  /** The version of each item. */
  readonly versions: Map<string, string>;
}

/** Creates an empty target. */
export const fakeTarget = (name: string, clock: Clock): Target => {
  const versions = new Map<string, string>();
  const write = (delivery: UpsertDelivery<unknown>) => {
    const { itemKey, version, keys } = delivery.change;
    if (target.mode === "refusing" && String(keys.pk).startsWith("bad")) {
      return failed(delivery, new SinkError("SINK_REJECTED", `[${name}] refused`));
    }
    if (version <= (versions.get(itemKey) ?? "")) return superseded(delivery);
    versions.set(itemKey, version);
    return delivered(delivery);
  };
  const target: Target = {
    mode: "up",
    latencyMs: 50,
    versions,
    sink: {
      name,
      supports: { writes: "upsert" },
      write: async (batch, { signal }) => {
        await clock.sleep(target.latencyMs, signal);
        if (target.mode === "down") throw new SinkError("SINK_UNAVAILABLE", `[${name}] connection refused`);
        return batch.map(write);
      },
    },
  };
  return target;
};
