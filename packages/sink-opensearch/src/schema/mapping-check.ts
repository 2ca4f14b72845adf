// Compares the mapping that the options declare with the mapping of an existing index.

import { invalidOption, isRecord } from "@sluice/core/sink-kit";
import { expandedFields, type OpensearchField, type OpensearchMappings } from "./mappings.ts";
import { canonical, isSame, shown, valueText } from "./server-value.ts";

/** Returns the field's type; undefined is an object. */
const typeOf = ({ type, properties }: OpensearchField): string =>
  type ?? (properties === undefined ? "unknown" : "object");

/** What an absent mapping parameter means. An empty list: the parameter has no default. */
const defaults: Readonly<Record<string, readonly string[]>> = {
  analyzer: ["default", "standard"],
  coerce: ["true"],
  copy_to: [],
  doc_values: ["true"],
  eager_global_ordinals: ["false"],
  enabled: ["true"],
  fielddata: ["false"],
  format: ["strict_date_optional_time||epoch_millis"],
  ignore_above: ["2147483647"],
  ignore_malformed: ["false"],
  ignore_z_value: ["true"],
  include_in_parent: ["false"],
  include_in_root: ["false"],
  index: ["true"],
  index_options: ["positions", "docs"],
  index_phrases: ["false"],
  normalizer: [],
  norms: ["true", "false"],
  null_value: ["null"],
  search_analyzer: ["default", "standard"],
  similarity: ["BM25"],
  split_queries_on_whitespace: ["false"],
  store: ["false"],
  term_vector: ["no"],
};

/** Members of a field's mapping that are compared in another way. */
const comparedElsewhere = new Set(["type", "properties", "fields", "dynamic", "meta"]);

/** Parameters whose values OpenSearch returns in capitals: `"right"` as `"RIGHT"`. */
const capitalized = new Set(["orientation", "contexts"]);

/** An absent parameter that stands for the value of another one. */
const absentAs: Readonly<Record<string, readonly string[]>> = {
  search_analyzer: ["analyzer"],
  search_quote_analyzer: ["search_analyzer", "analyzer"],
};

const differs = (parameter: string, wanted: unknown, field: OpensearchField): boolean => {
  const found = field[parameter] ?? absentAs[parameter]?.map((other) => field[other]).find((one) => one !== undefined);
  if (found === undefined) return defaults[parameter]?.includes(valueText(wanted)) === false;
  // OpenSearch adds the members that the options leave out.
  if (isRecord(wanted) && isRecord(found))
    return Object.entries(wanted).some(([name, member]) => !isSame(member, found[name]));
  if (capitalized.has(parameter)) return valueText(wanted).toUpperCase() !== valueText(found).toUpperCase();
  return !isSame(wanted, found);
};

const mappingDiffers = (where: string, parameter: string, wanted: unknown, found: unknown): never => {
  const problem = `declares ${where} with "${parameter}" ${shown(wanted)}; in the index it is ${shown(found)}`;
  const remedy = "change the option, or change the index yourself (PUT <index>/_mapping), or create a new index";
  throw invalidOption("mappings", `${problem}. The sink changes no existing part: ${remedy}`);
};

type FieldMappings = NonNullable<OpensearchMappings["properties"]>;

/** `dynamic` of an object that declares none is that of the object around it. */
const checkDynamic = (where: string, wanted: OpensearchField, found: unknown): void => {
  if (wanted.dynamic !== undefined && !isSame(wanted.dynamic, found))
    mappingDiffers(where, "dynamic", wanted.dynamic, found);
};

const checkField = (path: string, wanted: OpensearchField, found: OpensearchField, dynamic: unknown): void => {
  if (typeOf(found) !== typeOf(wanted)) {
    const problem = `declares field "${path}" as ${typeOf(wanted)}; in the index it is ${typeOf(found)}`;
    throw invalidOption("mappings", `${problem}, and a field's type cannot be changed`);
  }
  for (const [parameter, value] of Object.entries(wanted)) {
    if (!comparedElsewhere.has(parameter) && differs(parameter, value, found)) {
      mappingDiffers(`field "${path}"`, parameter, value, found[parameter]);
    }
  }
  checkDynamic(`field "${path}"`, wanted, found.dynamic ?? dynamic);
  const below = found.dynamic ?? dynamic;
  checkFields(wanted.properties ?? {}, found.properties ?? {}, `${path}.`, below);
  checkFields(wanted.fields ?? {}, found.fields ?? {}, `${path}.`, below);
};

const checkFields = (declared: FieldMappings, existing: FieldMappings, path: string, dynamic: unknown): void => {
  for (const [field, wanted] of Object.entries(declared)) {
    const found = Object.hasOwn(existing, field) ? existing[field] : undefined;
    if (found !== undefined) checkField(`${path}${field}`, wanted, found, dynamic);
  }
};

/** Parameters of the whole mapping, with what their absence means. */
const wholeMapping: Readonly<Record<string, unknown>> = {
  date_detection: true,
  dynamic_templates: [],
  numeric_detection: false,
};

/**
 * Compares the mappings that the options declare with those of the index. Fields that the index lacks do not matter here.
 * @throws {ConfigError} CONFIG_INVALID when they differ.
 */
export const checkMapping = (wanted: OpensearchMappings, found: OpensearchMappings = {}): void => {
  const dynamic = found.dynamic ?? true;
  checkDynamic("the mapping", wanted as OpensearchField, dynamic);
  for (const [parameter, absent] of Object.entries(wholeMapping)) {
    const [value, existing] = [wanted[parameter], found[parameter] ?? absent];
    if (value !== undefined && canonical(value) !== canonical(existing) && !isSame(value, existing)) {
      mappingDiffers("the mapping", parameter, value, existing);
    }
  }
  checkFields(expandedFields(wanted.properties ?? {}), found.properties ?? {}, "", dynamic);
};
