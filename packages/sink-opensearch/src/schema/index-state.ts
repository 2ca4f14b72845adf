// Reads what an alias and its index are, and compares the index with what the sink needs and the options declare.

import { invalidOption, isRecord } from "@sluice/core/sink-kit";
import type { OpensearchSettings } from "../options.ts";
import { aliveFilter, guardField } from "../write/guard.ts";
import { checkMapping } from "./mapping-check.ts";
import type { OpensearchMappings } from "./mappings.ts";
import { canonical, isSame, shown } from "./server-value.ts";

/** An alias, as an index lists it. */
export interface Alias {
  readonly filter?: object;
  readonly is_write_index?: boolean;
  readonly index_routing?: string;
  readonly search_routing?: string;
}

/** What the sink reads of an existing index. */
export interface IndexState {
  readonly aliases?: { readonly [alias: string]: Alias };
  readonly mappings?: OpensearchMappings;
  readonly settings?: { readonly [name: string]: unknown };
  /** The values of settings that the index does not set. Only in the answer to a request with `include_defaults`. */
  readonly defaults?: { readonly [name: string]: unknown };
  /** The data stream to which the index belongs. */
  readonly data_stream?: string;
}

/** Existing indices by name. */
export type Indices = { readonly [index: string]: IndexState };

/** Settings by their whole name: `index.number_of_shards`. */
export type FlatSettings = ReadonlyMap<string, unknown>;

const flatten = (value: { readonly [name: string]: unknown }, prefix: string, into: Map<string, unknown>): void => {
  for (const [name, member] of Object.entries(value)) {
    if (isRecord(member)) flatten(member, `${prefix}${name}.`, into);
    else into.set(`${prefix}${name}`, member);
  }
};

/** Returns settings by their whole name. OpenSearch accepts and returns them nested or flat, also without `index.`. */
export const flatSettings = (settings: { readonly [name: string]: unknown } = {}): FlatSettings => {
  const flat = new Map<string, unknown>();
  flatten(settings, "", flat);
  return new Map([...flat].map(([name, value]) => [name.startsWith("index.") ? name : `index.${name}`, value]));
};

/** Whether `found` is the sink's filter. OpenSearch returns the filter in several forms. */
const isAliveFilter = (found: object | undefined): boolean => {
  const [[field, value]] = Object.entries(
    (aliveFilter as { bool: { must_not: { term: object } } }).bool.must_not.term,
  ) as [[string, unknown]];
  const forms = [
    aliveFilter,
    { bool: { must_not: [{ term: { [field]: value } }] } },
    { bool: { must_not: [{ term: { [field]: { value, boost: 1 } } }], adjust_pure_negative: true, boost: 1 } },
  ];
  return forms.some((form) => canonical(form) === canonical(found));
};

const isNumbered = (index: string, name: string): boolean =>
  name.startsWith(`${index}-`) && /^\d{6}$/.test(name.slice(index.length + 1));

/**
 * Returns the name of the index behind the alias; undefined if the alias does not exist.
 * @throws {ConfigError} CONFIG_INVALID unless the alias leads to one numbered index.
 */
export const writeIndexOf = ({ index }: Pick<OpensearchSettings, "index">, found: Indices): string | undefined => {
  const names = Object.keys(found);
  const [name] = names;
  if (name === undefined) return undefined;
  const stream = names.map((one) => found[one]?.data_stream).find((one) => one !== undefined);
  if (stream !== undefined) {
    const problem = `"${index}" leads to the data stream "${stream}", whose documents cannot be replaced`;
    throw invalidOption("index", `must be the name of an alias, or a new name; ${problem}`);
  }
  if (names.includes(index)) {
    throw invalidOption("index", `must be the name of an alias, or a new name; "${index}" is an index`);
  }
  if (names.length > 1) {
    const problem = `"${index}" leads to ${names.length} indices, so an item could be found twice or after its removal`;
    throw invalidOption("index", `must be an alias of one index; ${problem}: take the others out of the alias`);
  }
  if (!isNumbered(index, name)) {
    throw invalidOption("index", `must be an alias of "${index}-000001"; "${index}" points to "${name}"`);
  }
  return name;
};

const checkAlias = ({ index }: OpensearchSettings, name: string, { aliases }: IndexState): void => {
  const alias = aliases?.[index];
  if (alias === undefined) return;
  if (alias.is_write_index === false) {
    const problem = `the alias says is_write_index: false for "${name}"`;
    throw invalidOption("index", `must be an alias that permits writes; ${problem}: set it to true`);
  }
  if (alias.index_routing !== undefined || alias.search_routing !== undefined) {
    const problem = "the alias has a routing, which sends each write and search to one shard";
    throw invalidOption("index", `must be an alias without a routing; ${problem}: remove the routing`);
  }
  if (alias.filter !== undefined && !isAliveFilter(alias.filter)) {
    const problem = "the alias has another filter: remove the filter, and add an alias of your own with your filter";
    throw invalidOption("index", `must be an alias with no filter but the sink's own; ${problem}`);
  }
};

/** Whether the alias hides tombstones. */
export const hidesTombstones = ({ index }: OpensearchSettings, { aliases }: IndexState): boolean =>
  isAliveFilter(aliases?.[index]?.filter);

const isOn = (value: unknown): boolean => String(value) === "true";

const isListed = (value: unknown): boolean => Array.isArray(value) && value.length > 0;

/** The sink compares versions in `_source`, and a script writes the whole `_source` again. */
const checkSource = (name: string, { mappings }: IndexState, flat: FlatSettings): void => {
  const source: unknown = mappings?._source;
  const { enabled, includes, excludes } = isRecord(source) ? source : {};
  const problem =
    enabled !== undefined && !isOn(enabled)
      ? 'its mapping says "_source": { "enabled": false }'
      : isListed(includes) || isListed(excludes)
        ? 'its "_source" omits fields (includes, excludes), which each update would lose'
        : isOn(flat.get("index.derived_source.enabled"))
          ? "index.derived_source.enabled is true"
          : undefined;
  if (problem === undefined) return;
  const reason = `index "${name}" must keep the whole _source, in which the sink compares versions; ${problem}`;
  throw invalidOption("index", `leads to an unsuitable index: ${reason}. Create the index without it`);
};

const checkRouting = ({ routing }: OpensearchSettings, name: string, { mappings }: IndexState): void => {
  const found: unknown = mappings?._routing;
  if (!isRecord(found) || !isOn(found.required) || routing !== undefined) return;
  throw invalidOption(
    "routing",
    `must be given, because the mapping of "${name}" says "_routing": { "required": true }`,
  );
};

/** The mapping of the guard's field must make tombstones findable. */
const checkGuardField = (name: string, { mappings }: IndexState): void => {
  const guard = mappings?.properties?.[guardField];
  if (guard === undefined) return;
  const deleted = guard.properties?.deleted;
  const isHidden = [guard.enabled, deleted?.index].some((value) => value !== undefined && !isOn(value));
  if (!isHidden && (deleted === undefined || deleted.type === "boolean")) return;
  const problem = `"${name}" maps ${guardField} so that tombstones cannot be found`;
  throw invalidOption("index", `leads to an unsuitable index: ${problem}. Create a new index by ensure()`);
};

/** A closed index, and the blocks that forbid writes. */
const blocks: readonly (readonly [setting: string, remedy: string])[] = [
  ["verified_before_close", "is closed: open it (POST /<index>/_open)"],
  ["blocks.read_only", "is read-only: set index.blocks.read_only to null"],
  ["blocks.read_only_allow_delete", "is read-only, probably because a disk was full: free space on the disk"],
  ["blocks.write", "is write-protected: set index.blocks.write to null"],
  ["blocks.metadata", "has a block of metadata: set index.blocks.metadata to null"],
];

const checkBlocks = (name: string, flat: FlatSettings): void => {
  const found = blocks.find(([setting]) => isOn(flat.get(`index.${setting}`)));
  if (found !== undefined)
    throw invalidOption("index", `leads to an index that cannot be written: "${name}" ${found[1]}`);
};

/** Returns the ingest pipelines that change the documents that are written to the index, in their order. */
export const pipelinesOf = ({ settings }: IndexState): readonly string[] => {
  const flat = flatSettings(settings);
  return ["default_pipeline", "final_pipeline"].flatMap((name) => {
    const value = flat.get(`index.${name}`);
    return value === undefined || value === null || value === "_none" ? [] : [String(value)];
  });
};

/** Returns the number of an index's primary shards; 0 if the answer does not tell it. */
export const shardsOf = ({ settings }: IndexState): number =>
  Number(flatSettings(settings).get("index.number_of_shards") ?? 0);

const checkPipelines = ({ serverless }: OpensearchSettings, name: string, state: IndexState): void => {
  if (!serverless || pipelinesOf(state).length === 0) return;
  const problem = `"${name}" has an ingest pipeline, which Serverless does not run for updates by script`;
  throw invalidOption("index", `leads to an unsuitable index: ${problem}. Let the mapper change documents`);
};

const checkSettings = ({ indexSettings }: OpensearchSettings, name: string, state: IndexState): void => {
  const [set, absent] = [flatSettings(state.settings), flatSettings(state.defaults)];
  const isExpanded = ![undefined, "false"].includes(set.get("index.auto_expand_replicas") as string | undefined);
  for (const [setting, wanted] of flatSettings(indexSettings)) {
    // The number of nodes decides.
    if (setting === "index.number_of_replicas" && isExpanded) continue;
    const found = set.get(setting) ?? absent.get(setting);
    if (wanted === null || isSame(wanted, found)) continue;
    const problem = `says ${setting}: ${shown(wanted)}; in index "${name}" it is ${shown(found)}`;
    const remedy = `change the option, or the index (PUT /${name}/_settings), or create a new index if the setting is static`;
    throw invalidOption("settings", `${problem}. The sink changes no existing part: ${remedy}`);
  }
};

/**
 * Checks an index in which the sink would lose or mix up documents, or whose mapping contradicts the options.
 * @throws {ConfigError} CONFIG_INVALID, with what to do.
 */
export const checkWritable = (settings: OpensearchSettings, name: string, state: IndexState): void => {
  const flat = flatSettings(state.settings);
  checkAlias(settings, name, state);
  checkSource(name, state, flat);
  checkRouting(settings, name, state);
  checkGuardField(name, state);
  checkPipelines(settings, name, state);
  checkMapping(settings.mappings, state.mappings);
};

/**
 * Checks what `ensure` checks: all of `checkWritable`, and blocks and settings, which no write can damage.
 * @throws {ConfigError} CONFIG_INVALID, with what to do.
 */
export const checkIndex = (settings: OpensearchSettings, name: string, state: IndexState): void => {
  checkWritable(settings, name, state);
  checkBlocks(name, flatSettings(state.settings));
  checkSettings(settings, name, state);
};
