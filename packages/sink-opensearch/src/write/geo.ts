// Numbers of places and vectors. A number that a double cannot hold is usually written as a string, but in these fields
// a string means something else (a geohash) or is refused. Their index stores at most a double, so nothing is lost.

import { isNumberValue, isRecord } from "@sluice/core/sink-kit";
import type { OpensearchField, OpensearchMappings } from "../schema/mappings.ts";

/** The fields of an object that are, or contain, places or vectors. True: the field itself is one. */
export type GeoFields = ReadonlyMap<string, true | GeoFields>;

/** Types of fields whose numbers must be numbers in JSON. */
const numericTypes = new Set(["geo_point", "geo_shape", "xy_point", "xy_shape", "knn_vector", "rank_features"]);

/** Adds a field whose name may be a path with dots. */
const add = (into: Map<string, true | GeoFields>, name: string, found: true | GeoFields): void => {
  const known = into.get(name);
  const isBoth = found !== true && known !== undefined && known !== true;
  into.set(name, isBoth ? merged(known, found) : found);
};

const merged = (one: GeoFields, other: GeoFields): GeoFields => {
  const both = new Map(one);
  for (const [name, found] of other) add(both, name, found);
  return both;
};

const fieldsIn = (properties: { readonly [field: string]: OpensearchField } = {}): GeoFields => {
  const fields = new Map<string, true | GeoFields>();
  for (const [name, { type, properties: below }] of Object.entries(properties)) {
    if (numericTypes.has(type ?? "")) add(fields, name, true);
    const inner = fieldsIn(below);
    if (inner.size > 0) add(fields, name, inner);
  }
  return fields;
};

/** Returns the places and vectors in the mappings that the options declare, and in those of the index. */
export const geoFieldsOf = (declared: OpensearchMappings, found: OpensearchMappings = {}): GeoFields =>
  merged(fieldsIn(declared.properties), fieldsIn(found.properties));

/** Whether a value is written as a whole, not member by member. */
const isLeaf = (value: object): boolean =>
  value instanceof Map || value instanceof Uint8Array || ("toJSON" in value && typeof value.toJSON === "function");

/** Returns the nearest double of each exact number in the value. Other values, such as WKT text, stay. */
const withDoubles = (value: unknown): unknown => {
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "object" || value === null) return value;
  if (isNumberValue(value)) return Number(value.toString());
  if (isLeaf(value)) return value;
  if (Array.isArray(value) || value instanceof Set) return [...value].map(withDoubles);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withDoubles(member)]));
};

/** The rest of a name after `field` and a dot: a document may write the path `a.b` as one name. */
const pathBelow = (name: string, field: string): string | undefined =>
  name.startsWith(`${field}.`) ? name.slice(field.length + 1) : undefined;

const memberOf = (name: string, member: unknown, fields: GeoFields): unknown => {
  for (const [field, found] of fields) {
    if (name === field) return found === true ? withDoubles(member) : withGeoDoubles(member, found);
    const below = pathBelow(name, field);
    if (below !== undefined && found !== true) return memberOf(below, member, found);
  }
  return member;
};

/** Returns a copy of the value in which the numbers of places and vectors are doubles. */
export const withGeoDoubles = (value: unknown, fields: GeoFields): unknown => {
  if (Array.isArray(value)) return value.map((entry) => withGeoDoubles(entry, fields));
  if (!isRecord(value) || value instanceof Set || isNumberValue(value) || isLeaf(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, memberOf(name, member, fields)]));
};
