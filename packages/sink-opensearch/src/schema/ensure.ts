// Creates what the sink needs: an index `<name>-000001`, its mapping, and an alias whose filter hides tombstones.

import { type EnsureOptions, invalidOption, SinkError, withoutDeadline } from "@sluice/core/sink-kit";
import type { OpensearchClient, OpensearchRequest } from "../client/client.ts";
import { type OpensearchAnswer, sendRequest } from "../client/request.ts";
import type { OpensearchField, OpensearchMappings, OpensearchSettings } from "../options.ts";
import { aliveFilter, guardField, guardMapping, tombstoneGuard, updateLines } from "../write/guard.ts";

interface Alias {
  readonly filter?: object;
  readonly is_write_index?: boolean;
}

/** What the sink reads of an existing index. */
interface ExistingIndex {
  readonly aliases?: { readonly [alias: string]: Alias };
  readonly mappings?: OpensearchMappings;
}

/** Existing indices by name. */
export type Indices = { readonly [index: string]: ExistingIndex };

/** A request that creates a missing index, field or alias. */
interface IndexChange {
  readonly method: "PUT" | "POST";
  readonly path: string;
  readonly body: object;
  /** The sink's option that is probably wrong if OpenSearch refuses the request. The error names the option. */
  readonly option: string;
}

const request = (
  client: OpensearchClient,
  { name: sink, timeoutMs }: OpensearchSettings,
  params: OpensearchRequest,
): Promise<OpensearchAnswer> => sendRequest(client, params, { sink, context: withoutDeadline, timeoutMs });

/** Returns the indices behind the alias `name`, or the index `name`. Empty if there is no such alias or index. */
const indicesOf = async (client: OpensearchClient, settings: OpensearchSettings, name: string): Promise<Indices> => {
  const answer = await request(client, settings, { method: "GET", path: pathOf(name) });
  if ("body" in answer) return answer.body as Indices;
  if (answer.failure.error.code === "SINK_MISSING") return {};
  throw answer.failure.error;
};

const isNumbered = (index: string, name: string): boolean =>
  name.startsWith(`${index}-`) && /^\d{6}$/.test(name.slice(index.length + 1));

/** Returns the name of the alias's write index; undefined if the alias does not exist. */
const writeIndexOf = ({ index }: OpensearchSettings, found: Indices): string | undefined => {
  const names = Object.keys(found);
  if (names.length === 0) return undefined;
  if (names.includes(index)) {
    throw invalidOption("index", `must be the name of an alias, or a new name; "${index}" is an index`);
  }
  const foreign = names.find((name) => !isNumbered(index, name));
  if (foreign !== undefined) {
    throw invalidOption("index", `must be an alias of "${index}-000001"; "${index}" points to "${foreign}"`);
  }
  const writers = names.filter((name) => found[name]?.aliases?.[index]?.is_write_index === true);
  const [writer] = names.length === 1 ? names : writers;
  if (writer === undefined || writers.length > 1 || found[writer]?.aliases?.[index]?.is_write_index === false) {
    const problem = `"${index}" points to ${names.length} indices`;
    throw invalidOption(
      "index",
      `must be an alias with one write index; ${problem}, and none or several of them are write indices`,
    );
  }
  return writer;
};

const mappingOf = ({ mappings }: OpensearchSettings): OpensearchMappings => ({
  ...mappings,
  properties: { ...mappings.properties, [guardField]: guardMapping as OpensearchField },
});

const typeOf = ({ type, properties }: OpensearchField): string =>
  type ?? (properties === undefined ? "unknown" : "object");

type FieldMappings = NonNullable<OpensearchMappings["properties"]>;

/** Returns the part of `declared` that `existing` lacks: whole fields, and `properties` or `fields` of fields. */
const missingFields = (
  declared: FieldMappings,
  existing: FieldMappings,
  path = "",
): { [field: string]: OpensearchField } => {
  const missing: { [field: string]: OpensearchField } = {};
  for (const [field, wanted] of Object.entries(declared)) {
    const found = existing[field];
    if (found === undefined) {
      missing[field] = wanted;
      continue;
    }
    if (typeOf(found) !== typeOf(wanted)) {
      const problem = `declares field "${path}${field}" as ${typeOf(wanted)}; in the index it is ${typeOf(found)}`;
      throw invalidOption("mappings", `${problem}, and a field's type cannot be changed`);
    }
    const below = missingFields(wanted.properties ?? {}, found.properties ?? {}, `${path}${field}.`);
    if (Object.keys(below).length > 0) missing[field] = { properties: below };
    // To add `fields`, OpenSearch needs the field's whole existing mapping in the request.
    const further = missingFields(wanted.fields ?? {}, found.fields ?? {}, `${path}${field}.`);
    if (Object.keys(further).length > 0) missing[field] = { ...found, fields: further };
  }
  return missing;
};

/** Whether two values are equal. The order of members does not matter, because OpenSearch changes the order. */
const isSame = (one: unknown, other: unknown): boolean => canonical(one) === canonical(other);

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_name, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1)))
      : member,
  ) ?? "";

/** Returns the URL path of an index. Encodes the name, because it may contain `%` or characters beyond ASCII. */
const pathOf = (name: string, below = ""): string => `/${encodeURIComponent(name)}${below}`;

const createIndex = (settings: OpensearchSettings, name: string): IndexChange => ({
  method: "PUT",
  path: pathOf(name),
  option: 'mappings" or "settings',
  body: {
    ...(Object.keys(settings.indexSettings).length > 0 && { settings: settings.indexSettings }),
    mappings: mappingOf(settings),
    aliases: { [settings.index]: { filter: aliveFilter, is_write_index: true } },
  },
});

const changesFor = (settings: OpensearchSettings, writeIndex: string, state: ExistingIndex): IndexChange[] => {
  const changes: IndexChange[] = [];
  const missing = missingFields(mappingOf(settings).properties ?? {}, state.mappings?.properties ?? {});
  if (Object.keys(missing).length > 0) {
    const body = { properties: missing };
    changes.push({ method: "PUT", path: pathOf(writeIndex, "/_mapping"), body, option: "mappings" });
  }
  const alias = state.aliases?.[settings.index];
  if (alias === undefined || !isSame(alias.filter, filterAsStored(alias.filter))) {
    const add = { index: writeIndex, alias: settings.index, filter: aliveFilter, is_write_index: true };
    changes.push({ method: "POST", path: "/_aliases", body: { actions: [{ add }] }, option: "index" });
  }
  return changes;
};

/** Returns `found` if it is a form of `aliveFilter`, because OpenSearch may return the filter in several forms. */
const filterAsStored = (found: unknown): object => {
  const [[field, value]] = Object.entries(
    (aliveFilter as { bool: { must_not: { term: object } } }).bool.must_not.term,
  ) as [[string, unknown]];
  const forms = [
    aliveFilter,
    { bool: { must_not: [{ term: { [field]: value } }] } },
    { bool: { must_not: [{ term: { [field]: { value, boost: 1 } } }], adjust_pure_negative: true, boost: 1 } },
  ];
  return forms.find((form) => isSame(form, found)) ?? aliveFilter;
};

/** Returns the requests that are still necessary, in the order in which they must be sent. */
const missingChanges = async (
  client: OpensearchClient,
  settings: OpensearchSettings,
): Promise<readonly IndexChange[]> => {
  const found = await indicesOf(client, settings, settings.index);
  const writeIndex = writeIndexOf(settings, found);
  if (writeIndex !== undefined) return changesFor(settings, writeIndex, found[writeIndex] ?? {});
  const first = `${settings.index}-000001`;
  const existing = (await indicesOf(client, settings, first))[first];
  return existing === undefined ? [createIndex(settings, first)] : changesFor(settings, first, existing);
};

const apply = async (client: OpensearchClient, settings: OpensearchSettings, change: IndexChange): Promise<boolean> => {
  const { method, path, body, option } = change;
  const answer = await request(client, settings, { method, path, body: JSON.stringify(body) });
  if ("body" in answer) return true;
  const { error, status, serverError: { type, reason = "" } = {} } = answer.failure;
  // Another process has just created the index. The caller of this function looks up the index again.
  if (type === "resource_already_exists_exception") return false;
  // The request contains no documents, so OpenSearch's `reason` quotes no values.
  if (status === 400) throw invalidOption(option, `makes OpenSearch refuse ${method} ${path}: ${type}: ${reason}`);
  throw error;
};

const maxAttempts = 3;

/**
 * Checks that a Serverless collection really has the index, its mapping and the alias. Then writes a tombstone as a
 * test: this fails if the collection does not support scripted updates by document id.
 */
const probeCollection = async (client: OpensearchClient, settings: OpensearchSettings): Promise<void> => {
  const [lost] = await missingChanges(client, settings);
  if (lost !== undefined) {
    throw invalidOption(
      lost.option,
      `has no effect: the collection accepted ${lost.method} ${lost.path}, but did not keep it`,
    );
  }
  const bulkBody = updateLines('"%probe"', `{${tombstoneGuard("0", undefined, 0)}}`);
  const bulk = { method: "POST", path: pathOf(settings.index, "/_bulk"), querystring: "require_alias=true", bulkBody };
  const answer = await request(client, settings, bulk);
  if ("failure" in answer && answer.failure.error.code !== "SINK_MISSING") throw answer.failure.error;
  if ("body" in answer && (answer.body as { readonly errors?: unknown }).errors === false) return;
  const found = `the collection of "${settings.index}" refuses a scripted update by document id`;
  throw invalidOption("index", `must be in a collection of type search; ${found}`);
};

/** Sends the requests that are still necessary, unless `apply` is false. Returns the requests as text. */
export const ensureIndex = async (
  client: OpensearchClient,
  settings: OpensearchSettings,
  { apply: isApplied = true }: EnsureOptions = {},
): Promise<readonly string[]> => {
  for (let attempt = 1; ; attempt += 1) {
    const changes = await missingChanges(client, settings);
    const texts = changes.map(({ method, path, body }) => `${method} ${path} ${JSON.stringify(body)}`);
    let done = true;
    for (const change of isApplied ? changes : []) done = done && (await apply(client, settings, change));
    if (done) {
      if (isApplied && settings.serverless) await probeCollection(client, settings);
      return texts;
    }
    if (attempt === maxAttempts) {
      const message = `[${settings.name}] another caller changes index "${settings.index}" at the same time`;
      throw new SinkError("SINK_CONFLICT", message);
    }
  }
};
