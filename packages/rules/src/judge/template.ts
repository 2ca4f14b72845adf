// Reads a CloudFormation template as plain JSON. A value that is decided at deployment is `unknown`: no rule judges it.

/** A value of a template. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** A value that is not known before the deployment: a parameter, a condition, a macro. */
export const unknown: unique symbol = Symbol("unknown");

/** A value, `unknown`, or undefined if the template leaves the property out. */
export type Read<Value> = Value | typeof unknown | undefined;

/** A JSON object. */
export interface JsonObject {
  readonly [name: string]: Json | undefined;
}

/** A resource with its logical id. */
export interface Resource {
  readonly id: string;
  readonly type: string;
  readonly properties: JsonObject | typeof unknown;
  readonly metadata: JsonObject;
  /** The condition under which the resource exists. */
  readonly condition: Json | undefined;
}

/** Whether a value is an object, and not an array. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** An intrinsic function. A macro, `Fn::Transform` or `Fn::ForEach`, may have other members beside it. */
const isIntrinsic = (value: JsonObject): boolean => {
  const names = Object.keys(value);
  if (names.some((name) => name.startsWith("Fn::"))) return true;
  const [name = ""] = names;
  return names.length === 1 && ["Ref", "Condition"].includes(name) && typeof value[name] === "string";
};

/** The value of a property. `AWS::NoValue` removes a property. */
export const read = (from: JsonObject | typeof unknown | undefined, name: string): Read<Json> => {
  if (from === unknown || from === undefined) return from;
  const value = Object.hasOwn(from, name) ? from[name] : undefined;
  if (value === undefined || value === null) return isIntrinsic(from) ? unknown : undefined;
  if (!isObject(value)) return value;
  if (value.Ref === "AWS::NoValue") return undefined;
  return isIntrinsic(value) ? unknown : value;
};

/** The value of a property in nested objects. */
export const readPath = (from: JsonObject | typeof unknown | undefined, names: readonly string[]): Read<Json> => {
  const [name = "", ...rest] = names;
  const value = read(from, name);
  if (rest.length === 0 || value === undefined || value === unknown) return value;
  return isObject(value) ? readPath(value, rest) : unknown;
};

/** A number, also if it is written as a text. */
export const numberOf = (value: Read<Json>): Read<number> => {
  if (value === undefined || value === unknown || typeof value === "number") return value;
  return typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : unknown;
};

/** A truth value, also if it is written as a text. */
export const booleanOf = (value: Read<Json>): Read<boolean> => {
  if (value === undefined || value === unknown || typeof value === "boolean") return value;
  if (value === "true" || value === "false") return value === "true";
  return unknown;
};

/** A text. */
export const textOf = (value: Read<Json>): Read<string> =>
  value === undefined || typeof value === "string" ? value : unknown;

/** Whether a value, or a value in it, is not known. */
export const hasUnknown = (value: Json): boolean => {
  if (Array.isArray(value)) return value.some(hasUnknown);
  return isObject(value) && (isIntrinsic(value) || Object.values(value).some((part) => hasUnknown(part as Json)));
};

/** A reference to a resource, and to an attribute of the resource. */
export interface Reference {
  readonly id: string;
  readonly attribute?: string;
}

const dotted = (path: string): Reference => {
  const [id = "", attribute] = path.split(".");
  return { id, ...(attribute !== undefined && { attribute }) };
};

/** `${Function.Arn}`, also with an alias after it. */
const substituted = (text: Json | undefined): Reference | undefined => {
  const path = typeof text === "string" ? /^\$\{([\w.]+)\}(:[\w-]+)?$/.exec(text)?.[1] : undefined;
  return path === undefined ? undefined : dotted(path);
};

/** The first part of a joined ARN, with an alias after it. */
const joined = (join: Json | undefined): Reference | undefined => {
  const [separator, parts] = Array.isArray(join) ? join : [];
  const [first, ...more] = Array.isArray(parts) ? parts : [];
  const isAlias = separator === ":" || (separator === "" && /^:/.test(String(more[0])));
  return isAlias && more.length === 1 && isObject(first) ? referenceOf(first) : undefined;
};

/**
 * The logical id and attribute to which an intrinsic function refers: `Ref`, `Fn::GetAtt`, or a text that `Fn::Sub` or
 * `Fn::Join` makes of one of them, with or without an alias.
 */
export const referenceOf = (value: unknown): Reference | undefined => {
  if (!isObject(value)) return undefined;
  // SAM writes `Function.Alias` and `Function.Version`.
  if (typeof value.Ref === "string") return { id: value.Ref.replace(/\.(Alias|Version)$/, "") };
  const path = value["Fn::GetAtt"];
  if (path === undefined) return substituted(value["Fn::Sub"]) ?? joined(value["Fn::Join"]);
  const [id, attribute] = typeof path === "string" ? path.split(".") : Array.isArray(path) ? path : [];
  return typeof id === "string" && typeof attribute === "string" ? { id, attribute } : undefined;
};

/** The resources of a template. A resource without a type, such as the result of a macro, is left out. */
export const resourcesOf = (template: unknown): readonly Resource[] => {
  const resources = isObject(template) && isObject(template.Resources) ? template.Resources : {};
  return Object.entries(resources).flatMap(([id, resource]) => {
    if (!isObject(resource) || typeof resource.Type !== "string") return [];
    const metadata = isObject(resource.Metadata) ? resource.Metadata : {};
    return [{ id, type: resource.Type, properties: propertiesOf(resource), metadata, condition: resource.Condition }];
  });
};

const propertiesOf = (resource: JsonObject): JsonObject | typeof unknown => {
  const properties = read(resource, "Properties") ?? {};
  return isObject(properties) && !("Fn::Transform" in resource) ? properties : unknown;
};
