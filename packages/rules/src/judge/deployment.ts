// Finds the pipelines of a template: the functions that consume a stream of DynamoDB, their mappings and their queues.

import {
  isObject,
  type Json,
  type JsonObject,
  type Read,
  type Resource,
  read,
  readPath,
  referenceOf,
  resourcesOf,
  unknown,
} from "./template.ts";

/** A mapping of a function: a resource of its own, or an event of a SAM function. */
export interface Mapping {
  /** The logical id of the resource on which a finding is reported. */
  readonly id: string;
  readonly kind: "stream" | "queue";
  readonly properties: JsonObject;
  /** The source as the template writes it. */
  readonly source: Json | undefined;
  /** The logical id of the function. Undefined if the function is not of this template. */
  readonly functionId: string | undefined;
  /** The condition under which the resource exists. */
  readonly condition: Json | undefined;
}

/** What the rules look at. */
export interface Deployment {
  readonly resources: ReadonlyMap<string, Resource>;
  /** The mappings of the pipelines' functions. */
  readonly mappings: readonly Mapping[];
  /** The functions that consume a stream. */
  readonly functions: readonly Resource[];
  readonly retryQueues: readonly Resource[];
  readonly deadLetterQueues: readonly Resource[];
  readonly dedupeTables: readonly Resource[];
  /** Properties of all functions of a SAM template. */
  readonly globals: JsonObject;
}

/** The types of resources that are a function, a table or a queue. */
const functionTypes = ["AWS::Lambda::Function", "AWS::Serverless::Function"];
const tableTypes = ["AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"];

/** Whether a resource has one of these types. */
export const isTable = (resource: Resource | undefined): resource is Resource =>
  resource !== undefined && tableTypes.includes(resource.type);

type Resources = ReadonlyMap<string, Resource>;

// A reference to another stack, or an ARN in parts, is recognised by its texts.
const isStreamText = (text: string): boolean =>
  (text.includes(":dynamodb:") && text.includes("/stream/")) || /ImportValue.*StreamArn/.test(text);

const kindOf = (source: Json | undefined, resources: Resources): Mapping["kind"] | undefined => {
  const reference = referenceOf(source);
  const resource = reference && resources.get(reference.id);
  if (reference?.attribute === "StreamArn" && isTable(resource)) return "stream";
  if (resource?.type === "AWS::SQS::Queue") return "queue";
  const text = JSON.stringify(source ?? null);
  if (isStreamText(text)) return "stream";
  return text.includes(":sqs:") ? "queue" : undefined;
};

const aliasTypes = ["AWS::Lambda::Alias", "AWS::Lambda::Version"];

/** The function that a mapping names, directly, by an alias or version, or in an ARN of several parts. */
const functionIdOf = (value: unknown, resources: Resources): string | undefined => {
  const id = referenceOf(value)?.id;
  const resource = id === undefined ? undefined : resources.get(id);
  if (resource === undefined) return undefined;
  if (functionTypes.includes(resource.type)) return resource.id;
  if (!aliasTypes.includes(resource.type) || resource.properties === unknown) return undefined;
  const { FunctionName } = resource.properties;
  return referenceOf(FunctionName)?.id;
};

const mappingResource = ({ id, properties, condition }: Resource, resources: Resources): readonly Mapping[] => {
  if (properties === unknown) return [];
  const source = properties.EventSourceArn;
  const kind = kindOf(source, resources);
  return kind === undefined
    ? []
    : [{ id, kind, properties, source, functionId: functionIdOf(properties.FunctionName, resources), condition }];
};

const samKinds: ReadonlyMap<unknown, Mapping["kind"]> = new Map([
  ["DynamoDB", "stream"],
  ["SQS", "queue"],
]);

const samEvents = ({ id, properties, condition }: Resource): readonly Mapping[] => {
  const events = read(properties, "Events");
  if (!isObject(events)) return [];
  return Object.values(events).flatMap((event) => {
    const kind = isObject(event) ? samKinds.get(event.Type) : undefined;
    const found = isObject(event) ? read(event, "Properties") : undefined;
    if (kind === undefined || !isObject(found)) return [];
    return [{ id, kind, properties: found, source: found.Stream ?? found.Queue, functionId: id, condition }];
  });
};

const mappingsOf = (resource: Resource, resources: Resources): readonly Mapping[] => {
  if (resource.type === "AWS::Lambda::EventSourceMapping") return mappingResource(resource, resources);
  return resource.type === "AWS::Serverless::Function" ? samEvents(resource) : [];
};

/** The resources to which these functions' environment variable refers; in SAM, `Globals` may set the variable. */
const namedBy = (deployment: Pick<Deployment, "functions" | "globals" | "resources">, variable: string) =>
  deployment.functions.flatMap(({ properties, type }): readonly Resource[] => {
    const { resources, globals } = deployment;
    const sources: readonly Resource["properties"][] =
      type === "AWS::Serverless::Function" ? [properties, globals] : [properties];
    const values = sources.map((source) => {
      const variables = readPath(source, ["Environment", "Variables"]);
      return isObject(variables) ? variables[variable] : undefined;
    });
    const id = referenceOf(values.find((value) => value !== undefined))?.id;
    const resource = id === undefined ? undefined : resources.get(id);
    return resource === undefined ? [] : [resource];
  });

const unique = (resources: readonly (Resource | undefined)[]): readonly Resource[] => [
  ...new Set(resources.filter((resource) => resource !== undefined)),
];

/** Reads what the rules judge. */
export const deploymentOf = (template: unknown): Deployment => {
  const resources = new Map(resourcesOf(template).map((resource) => [resource.id, resource]));
  const all = [...resources.values()].flatMap((resource) => mappingsOf(resource, resources));
  const consumers = new Set(all.filter(({ kind }) => kind === "stream").map(({ functionId }) => functionId));
  const mappings = all.filter(
    ({ kind, functionId }) => kind === "stream" || (functionId !== undefined && consumers.has(functionId)),
  );
  const functions = unique([...consumers].map((id) => (id === undefined ? undefined : resources.get(id))));
  const queues = (found: readonly (Resource | undefined)[]): readonly Resource[] =>
    unique(found).filter(({ type }) => type === "AWS::SQS::Queue");
  const consumed = mappings.filter(({ kind }) => kind === "queue").map(({ source }) => referenceOf(source)?.id ?? "");
  const given = isObject(template) ? readPath(template, ["Globals", "Function"]) : undefined;
  const globals: JsonObject = isObject(given) ? given : {};
  const named = (variable: string): readonly Resource[] => namedBy({ functions, globals, resources }, variable);
  return {
    resources,
    mappings,
    functions,
    retryQueues: queues([...named("RETRY_QUEUE_URL"), ...consumed.map((id) => resources.get(id))]),
    deadLetterQueues: queues(named("DEAD_LETTER_QUEUE_URL")),
    dedupeTables: unique(named("DEDUPE_TABLE")).filter(isTable),
    globals,
  };
};

/** A property of a function; in SAM, the template's `Globals` are the default. */
export const functionProperty = ({ globals }: Deployment, target: Resource, name: string): Read<Json> =>
  read(target.properties, name) ?? (target.type === "AWS::Serverless::Function" ? read(globals, name) : undefined);
