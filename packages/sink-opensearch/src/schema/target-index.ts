// Checks the index behind the alias before the first write, and again from time to time: `ensure` may not have run, and
// an operator may change the index or move the alias while an environment lives.

import { ConfigError, isRecord, SinkError, type WriteContext } from "@sluice/core/sink-kit";
import type { OpensearchClient } from "../client/client.ts";
import { sendRequest } from "../client/request.ts";
import type { OpensearchSettings } from "../options.ts";
import { type GeoFields, geoFieldsOf } from "../write/geo.ts";
import { guardField } from "../write/guard.ts";
import {
  checkWritable,
  flatSettings,
  hidesTombstones,
  type Indices,
  pipelinesOf,
  shardsOf,
  writeIndexOf,
} from "./index-state.ts";

/** What a write needs to know about the index behind the alias. */
export interface TargetIndex {
  /** The ingest pipelines that change the documents of the index, in their order. */
  readonly pipelines: readonly string[];
  /** Number of primary shards; 0 if unknown. */
  readonly shards: number;
  /** The fields in which numbers must be written as numbers. */
  readonly geoFields: GeoFields;
}

/** Returns what is known about the index, after a check if the last check was long ago. */
export interface TargetCheck {
  /** @throws {SinkError} SINK_MISSING, with what to do, when the index cannot be used; otherwise why it is unknown. */
  readonly get: (client: OpensearchClient, context: WriteContext) => Promise<TargetIndex>;
  /** Makes the next call of `get` check again. */
  readonly forget: () => void;
}

/** How long a check holds, in milliseconds. */
const checkMs = 30_000;

/** Whether an answer describes indices. A proxy may answer anything. */
const areIndices = (body: unknown): body is Indices =>
  isRecord(body) &&
  Object.values(body).every((state) => isRecord(state) && (isRecord(state.aliases) || isRecord(state.settings)));

const unusable = (sink: string, problem: string, options?: ErrorOptions): SinkError =>
  new SinkError("SINK_MISSING", `[${sink}] the index cannot be used: ${problem}`, options);

const checked = (settings: OpensearchSettings, name: string, indices: Indices) => {
  const { name: sink, index } = settings;
  const state = indices[name] ?? {};
  checkWritable(settings, name, state);
  if (!hidesTombstones(settings, state)) {
    throw unusable(
      sink,
      `the alias "${index}" has no filter, so searches find removed items; ensure() adds the filter`,
    );
  }
  if (state.mappings?.properties?.[guardField] === undefined) {
    throw unusable(sink, `the mapping of "${name}" lacks ${guardField}; ensure() adds the field`);
  }
  return state;
};

/** Creates the check. `onOtherIndex` is called if the alias leads to another index than at the last check. */
export const targetCheck = (settings: OpensearchSettings, now: () => number, onOtherIndex: () => void): TargetCheck => {
  const { name: sink, index, mappings, timeoutMs } = settings;
  let known: { readonly target: TargetIndex; readonly untilMs: number } | undefined;
  let identity: string | undefined;
  const note = (found: string): void => {
    if (identity !== undefined && identity !== found) onOtherIndex();
    identity = found;
  };
  /** Without an alias nothing can be checked. The write then fails, and its error says so. */
  const withoutAlias = (): TargetIndex => ({ pipelines: [], shards: 0, geoFields: geoFieldsOf(mappings) });
  const targetIn = (found: Indices): TargetIndex => {
    const name = writeIndexOf(settings, found);
    if (name === undefined) return withoutAlias();
    const state = checked(settings, name, found);
    note(`${name} ${String(flatSettings(state.settings).get("index.uuid"))}`);
    const geoFields = geoFieldsOf(mappings, state.mappings);
    const target = { pipelines: pipelinesOf(state), shards: shardsOf(state), geoFields };
    known = { target, untilMs: now() + checkMs };
    return target;
  };
  return {
    forget: () => {
      known = undefined;
    },
    get: async (client, context) => {
      if (known !== undefined && now() < known.untilMs) return known.target;
      const get = { method: "GET", path: `/${encodeURIComponent(index)}` };
      const answer = await sendRequest(client, get, { sink, context, timeoutMs });
      if ("failure" in answer) {
        if (answer.failure.error.code === "SINK_MISSING") return withoutAlias();
        throw answer.failure.error;
      }
      if (!areIndices(answer.body)) throw new SinkError("SINK_UNAVAILABLE", `[${sink}] the answer describes no index`);
      try {
        return targetIn(answer.body);
      } catch (error) {
        if (error instanceof ConfigError) throw unusable(sink, error.message, { cause: error });
        throw error;
      }
    },
  };
};
