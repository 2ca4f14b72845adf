// What must be there before the first write: an index with a number, its mapping, and the alias that hides tombstones.
// Nothing is ever removed, and no field is changed.

import { ConfigError, SinkError } from "@sluice/core/sink-kit";
import { type Answer, ask, type OpensearchClient, type OpensearchRequest, unhurried } from "../client/client.ts";
import type { OpensearchField, OpensearchMappings, Settings } from "../options.ts";
import { aliveFilter, guardField, guardMapping, tombstoneGuard, updateLines } from "../write/guard.ts";

/** Options of `ensure`. */
export interface EnsureOptions {
  /** False: only tell what would be done. Default true. */
  readonly apply?: boolean;
}

interface Alias {
  readonly filter?: object;
  readonly is_write_index?: boolean;
}

/** What the server knows of an index. */
interface IndexState {
  readonly aliases?: { readonly [alias: string]: Alias };
  readonly mappings?: OpensearchMappings;
}

type Indices = { readonly [index: string]: IndexState };

/** A change that is missing. */
interface Step {
  readonly method: "PUT" | "POST";
  readonly path: string;
  readonly body: object;
  /** The option that it carries out, for the error where the server refuses it. */
  readonly option: string;
}

const invalid = (option: string, problem: string): ConfigError =>
  new ConfigError("CONFIG_INVALID", `option "${option}": ${problem}`);

const request = async (
  client: OpensearchClient,
  { name, timeoutMs }: Settings,
  params: OpensearchRequest,
): Promise<Answer> => ask(client, params, { sink: name, context: unhurried, timeoutMs });

/** The indices of a name or an alias; none where there is no such thing. */
const indicesOf = async (client: OpensearchClient, settings: Settings, name: string): Promise<Indices> => {
  const answer = await request(client, settings, { method: "GET", path: pathOf(name) });
  if ("body" in answer) return answer.body as Indices;
  if (answer.failure.error.code === "SINK_MISSING") return {};
  throw answer.failure.error;
};

const isNumbered = (index: string, name: string): boolean =>
  name.startsWith(`${index}-`) && /^\d{6}$/.test(name.slice(index.length + 1));

/** The index that the alias writes to; undefined where there is no alias. */
const writeIndexOf = ({ index }: Settings, found: Indices): string | undefined => {
  const names = Object.keys(found);
  if (names.length === 0) return undefined;
  if (names.includes(index))
    throw invalid("index", `"${index}" is an index; expected an alias, or nothing of that name`);
  const stranger = names.find((name) => !isNumbered(index, name));
  if (stranger !== undefined) {
    throw invalid("index", `alias "${index}" points to "${stranger}"; expected "${index}-000001"`);
  }
  const writers = names.filter((name) => found[name]?.aliases?.[index]?.is_write_index === true);
  const [writer] = names.length === 1 ? names : writers;
  if (writer === undefined || writers.length > 1 || found[writer]?.aliases?.[index]?.is_write_index === false) {
    throw invalid(
      "index",
      `alias "${index}" points to ${names.length} indices; expected one of them as its write index`,
    );
  }
  return writer;
};

const mappingOf = ({ mappings }: Settings): OpensearchMappings => ({
  ...mappings,
  properties: { ...mappings.properties, [guardField]: guardMapping as OpensearchField },
});

const typeOf = ({ type, properties }: OpensearchField): string =>
  type ?? (properties === undefined ? "unknown" : "object");

type Fields = NonNullable<OpensearchMappings["properties"]>;

/** The declared fields that are missing, those that index another one in a second way (`fields`) included. */
const missingFields = (declared: Fields, existing: Fields, path = ""): { [field: string]: OpensearchField } => {
  const missing: { [field: string]: OpensearchField } = {};
  for (const [field, wanted] of Object.entries(declared)) {
    const found = existing[field];
    if (found === undefined) {
      missing[field] = wanted;
      continue;
    }
    if (typeOf(found) !== typeOf(wanted)) {
      const message = `field "${path}${field}" is of type ${typeOf(found)}; declared is ${typeOf(wanted)}, and a field cannot be changed`;
      throw invalid("mappings", message);
    }
    const below = missingFields(wanted.properties ?? {}, found.properties ?? {}, `${path}${field}.`);
    if (Object.keys(below).length > 0) missing[field] = { properties: below };
    // The server takes a field's second ways only with the field as it stands.
    const ways = missingFields(wanted.fields ?? {}, found.fields ?? {}, `${path}${field}.`);
    if (Object.keys(ways).length > 0) missing[field] = { ...found, fields: ways };
  }
  return missing;
};

/** Compares as JSON with sorted members: the server returns them in an order of its own. */
const isSame = (one: unknown, other: unknown): boolean => canonical(one) === canonical(other);

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_name, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1)))
      : member,
  ) ?? "";

/** Path of an index: its name may hold `%`, or letters beyond ASCII. */
const pathOf = (name: string, below = ""): string => `/${encodeURIComponent(name)}${below}`;

const createIndex = (settings: Settings, name: string): Step => ({
  method: "PUT",
  path: pathOf(name),
  option: 'mappings" or "settings',
  body: {
    ...(Object.keys(settings.indexSettings).length > 0 && { settings: settings.indexSettings }),
    mappings: mappingOf(settings),
    aliases: { [settings.index]: { filter: aliveFilter, is_write_index: true } },
  },
});

const stepsFor = (settings: Settings, writeIndex: string, state: IndexState): Step[] => {
  const steps: Step[] = [];
  const missing = missingFields(mappingOf(settings).properties ?? {}, state.mappings?.properties ?? {});
  if (Object.keys(missing).length > 0) {
    const body = { properties: missing };
    steps.push({ method: "PUT", path: pathOf(writeIndex, "/_mapping"), body, option: "mappings" });
  }
  const alias = state.aliases?.[settings.index];
  if (alias === undefined || !isSame(alias.filter, filterAsStored(alias.filter))) {
    const add = { index: writeIndex, alias: settings.index, filter: aliveFilter, is_write_index: true };
    steps.push({ method: "POST", path: "/_aliases", body: { actions: [{ add }] }, option: "index" });
  }
  return steps;
};

/** Our filter in the form that the server gives it: a clause in a list, and a term as an object with its boost. */
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

/** What is missing, in the order in which it is made. */
const plan = async (client: OpensearchClient, settings: Settings): Promise<readonly Step[]> => {
  const found = await indicesOf(client, settings, settings.index);
  const writeIndex = writeIndexOf(settings, found);
  if (writeIndex !== undefined) return stepsFor(settings, writeIndex, found[writeIndex] ?? {});
  const first = `${settings.index}-000001`;
  const existing = (await indicesOf(client, settings, first))[first];
  return existing === undefined ? [createIndex(settings, first)] : stepsFor(settings, first, existing);
};

const apply = async (client: OpensearchClient, settings: Settings, step: Step): Promise<boolean> => {
  const { method, path, body, option } = step;
  const answer = await request(client, settings, { method, path, body: JSON.stringify(body) });
  if ("body" in answer) return true;
  const { error, status, serverError: { type, reason = "" } = {} } = answer.failure;
  // Another one made the index between our look and our step: look again.
  if (type === "resource_already_exists_exception") return false;
  // There are no items in it, so that the server's own words may be told.
  if (status === 400) throw invalid(option, `OpenSearch refuses ${method} ${path}: ${type}: ${reason}`);
  throw error;
};

const maxAttempts = 3;

/** Whether the collection keeps what it was told, and takes documents by their ids and scripts: by a tombstone. */
const probe = async (client: OpensearchClient, settings: Settings): Promise<void> => {
  const [lost] = await plan(client, settings);
  if (lost !== undefined) {
    throw invalid(lost.option, `the collection took ${lost.method} ${lost.path}, and does not keep what it says`);
  }
  const bulkBody = updateLines('"%probe"', `{${tombstoneGuard("0", undefined, 0)}}`);
  const bulk = { method: "POST", path: pathOf(settings.index, "/_bulk"), querystring: "require_alias=true", bulkBody };
  const answer = await request(client, settings, bulk);
  if ("failure" in answer && answer.failure.error.code !== "SINK_MISSING") throw answer.failure.error;
  if ("body" in answer && (answer.body as { readonly errors?: unknown }).errors === false) return;
  throw invalid(
    "index",
    `the collection of "${settings.index}" refuses a scripted update by document id; expected a collection of type search`,
  );
};

/** Makes what is missing, unless `apply` is false. Returns the requests as text; none: all is there. */
export const ensureIndex = async (
  client: OpensearchClient,
  settings: Settings,
  { apply: isApplied = true }: EnsureOptions = {},
): Promise<readonly string[]> => {
  for (let attempt = 1; ; attempt += 1) {
    const steps = await plan(client, settings);
    const texts = steps.map(({ method, path, body }) => `${method} ${path} ${JSON.stringify(body)}`);
    let done = true;
    for (const step of isApplied ? steps : []) done = done && (await apply(client, settings, step));
    if (done) {
      if (isApplied && settings.serverless) await probe(client, settings);
      return texts;
    }
    if (attempt === maxAttempts) {
      throw new SinkError(
        "SINK_CONFLICT",
        `[${settings.name}] another one changes index "${settings.index}" at the same time`,
      );
    }
  }
};
