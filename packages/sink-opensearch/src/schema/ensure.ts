// Creates what the sink needs: an index `<name>-000001`, its mapping, and an alias whose filter hides tombstones.

import { type EnsureOptions, invalidOption, SinkError, withoutDeadline } from "@sluice/core/sink-kit";
import type { OpensearchClient, OpensearchRequest } from "../client/client.ts";
import { type OpensearchAnswer, sendRequest } from "../client/request.ts";
import type { OpensearchSettings } from "../options.ts";
import { aliveFilter, guardField, guardMapping, tombstoneGuard, updateLines } from "../write/guard.ts";
import { checkIndex, hidesTombstones, type IndexState, type Indices, writeIndexOf } from "./index-state.ts";
import { expandedFields, type OpensearchField, type OpensearchMappings } from "./mappings.ts";

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
  // Serverless does not document the parameter.
  const querystring = settings.serverless ? "" : "include_defaults=true";
  const answer = await request(client, settings, { method: "GET", path: pathOf(name), querystring });
  if ("body" in answer) return answer.body as Indices;
  if (answer.failure.error.code === "SINK_MISSING") return {};
  throw answer.failure.error;
};

const mappingOf = ({ mappings }: OpensearchSettings): OpensearchMappings => ({
  ...mappings,
  properties: { ...expandedFields(mappings.properties ?? {}), [guardField]: guardMapping as OpensearchField },
});

type FieldMappings = NonNullable<OpensearchMappings["properties"]>;

/** Returns the part of `declared` that `existing` lacks: whole fields, and `properties` or `fields` of fields. */
const missingFields = (declared: FieldMappings, existing: FieldMappings): { [field: string]: OpensearchField } => {
  const missing: { [field: string]: OpensearchField } = {};
  for (const [field, wanted] of Object.entries(declared)) {
    const found = existing[field];
    if (found === undefined) {
      missing[field] = wanted;
      continue;
    }
    const below = missingFields(wanted.properties ?? {}, found.properties ?? {});
    // OpenSearch takes a field without a type for an object, and refuses to make a nested field an object.
    if (Object.keys(below).length > 0) missing[field] = { ...(found.type && { type: found.type }), properties: below };
    // To add `fields`, OpenSearch needs the field's whole existing mapping in the request.
    const further = missingFields(wanted.fields ?? {}, found.fields ?? {});
    if (Object.keys(further).length > 0) missing[field] = { ...found, fields: further };
  }
  return missing;
};

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

/** Returns the requests that complete an index. @throws {ConfigError} CONFIG_INVALID if the index cannot be used. */
const changesFor = (settings: OpensearchSettings, writeIndex: string, state: IndexState): IndexChange[] => {
  checkIndex(settings, writeIndex, state);
  const changes: IndexChange[] = [];
  const missing = missingFields(mappingOf(settings).properties ?? {}, state.mappings?.properties ?? {});
  if (Object.keys(missing).length > 0) {
    const body = { properties: missing };
    changes.push({ method: "PUT", path: pathOf(writeIndex, "/_mapping"), body, option: "mappings" });
  }
  if (!hidesTombstones(settings, state)) {
    const add = { index: writeIndex, alias: settings.index, filter: aliveFilter, is_write_index: true };
    changes.push({ method: "POST", path: "/_aliases", body: { actions: [{ add }] }, option: "index" });
  }
  return changes;
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

/** Sends requests. Returns false if another caller has changed the index meanwhile. */
const applyAll = async (
  client: OpensearchClient,
  settings: OpensearchSettings,
  changes: readonly IndexChange[],
): Promise<boolean> => {
  for (const change of changes) if (!(await apply(client, settings, change))) return false;
  // An index template may have added to a new index what the sink cannot use.
  if (changes.length > 0) await missingChanges(client, settings);
  if (settings.serverless) await probeCollection(client, settings);
  return true;
};

/** Sends the requests that are still necessary, unless `apply` is false. Returns the requests as text. */
export const ensureIndex = async (
  client: OpensearchClient,
  settings: OpensearchSettings,
  { apply: isApplied = true }: EnsureOptions = {},
): Promise<readonly string[]> => {
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const changes = await missingChanges(client, settings);
    const texts = changes.map(({ method, path, body }) => `${method} ${path} ${JSON.stringify(body)}`);
    if (!isApplied || (await applyAll(client, settings, changes))) return texts;
  }
  const message = `[${settings.name}] another caller changes index "${settings.index}" at the same time`;
  throw new SinkError("SINK_CONFLICT", message);
};
