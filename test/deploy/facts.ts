// A deployed pipeline as a flat list of facts, whichever tool deploys it. Logical ids become the roles that resources
// have in the pipeline, so that two templates with different names have the same facts.

/** A value of a template. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

interface JsonObject {
  readonly [name: string]: Json;
}

/** A resource of a CloudFormation template. */
export interface Resource {
  readonly Type: string;
  readonly Properties?: JsonObject;
  readonly DeletionPolicy?: string;
}

/** A CloudFormation template, or another tool's files in its form. */
export interface Template {
  readonly Resources: { readonly [id: string]: Resource };
}

/** What a pipeline consists of: a path such as `streamMapping.BatchSize`, and its value. */
export type Facts = { readonly [path: string]: Json };

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const listOf = (value: Json | undefined): readonly Json[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly Json[]) : [value];

const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : JSON.stringify(value));

const attributeOf = (path: Json): string => (typeof path === "string" ? path : listOf(path).map(textOf).join("."));

/** Writes references as text: `${RetryQueue.Arn}`. */
const rendered = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(rendered);
  if (!isObject(value)) return value;
  const [[name, argument] = ["", null]] = Object.entries(value);
  if (name === "Ref") return `\${${textOf(argument)}}`;
  if (name === "Fn::GetAtt") return `\${${attributeOf(argument)}}`;
  if (name === "Fn::Sub" && typeof argument === "string") return argument;
  if (name === "Fn::Join") {
    const [separator = "", parts = []] = listOf(argument);
    return listOf(rendered(parts)).map(textOf).join(textOf(separator));
  }
  if (name === "Fn::Split") return [textOf(listOf(argument)[1])];
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, rendered(member)]));
};

/** Applies the function to every text in the value. */
const mapTexts = (value: Json, change: (text: string) => string): Json => {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((part) => mapTexts(part, change));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, mapTexts(part, change)]));
};

/** The logical id in a reference such as `${RetryQueue.Arn}`. */
const idIn = (value: Json | undefined): string => /^\$\{([^.}]+)/.exec(textOf(value))?.[1] ?? "";

/** The variables whose values name the resources of the pipeline. */
const variables: Readonly<Record<string, string>> = {
  SOURCE_TABLE: "table",
  DEAD_LETTER_QUEUE_URL: "deadLetters",
  RETRY_QUEUE_URL: "retryQueue",
  DEDUPE_TABLE: "dedupe",
  ON_FAILURE_BUCKET: "onFailure",
  ORDER_EVENTS_TOPIC_ARN: "orderEvents",
  WAREHOUSE_QUEUE_URL: "warehouse",
};

const member = (value: Json | undefined, ...path: readonly string[]): Json | undefined =>
  path.reduce<Json | undefined>((from, name) => (isObject(from) ? from[name] : undefined), value);

type Resources = ReadonlyMap<string, Resource>;

const ofType = (resources: Resources, type: string): readonly (readonly [string, Resource])[] =>
  [...resources].filter(([, resource]) => resource.Type === type);

/** The role of each logical id. The stream's mapping names the function, and the function's variables the rest. */
const rolesOf = (resources: Resources): ReadonlyMap<string, string> => {
  const mappings = ofType(resources, "AWS::Lambda::EventSourceMapping");
  const stream = mappings.find(([, { Properties }]) => Properties?.StartingPosition !== undefined);
  const functionId = idIn(stream?.[1].Properties?.FunctionName);
  const properties = resources.get(functionId)?.Properties;
  if (stream === undefined || properties === undefined) throw new Error("no mapping of a stream to a function");
  const roles = new Map([
    [stream[0], "streamMapping"],
    [functionId, "function"],
    [idIn(properties.Role), "role"],
    [idIn(member(properties, "LoggingConfig", "LogGroup")), "logs"],
  ]);
  for (const [variable, role] of Object.entries(variables)) {
    const id = idIn(member(properties, "Environment", "Variables", variable));
    if (!resources.has(id)) throw new Error(`${variable} names no resource of the template`);
    roles.set(id, role);
  }
  const retry = mappings.find(([, { Properties }]) => roles.get(idIn(Properties?.EventSourceArn)) === "retryQueue");
  if (retry) roles.set(retry[0], "retryMapping");
  return roles;
};

/** What differs between tools without meaning: code, names, tags, and the policies, which are facts of their own. */
const ignored: Readonly<Record<string, readonly string[]>> = {
  "AWS::Lambda::Function": ["Code", "Tags", "FunctionName", "Handler", "Role"],
  "AWS::Lambda::EventSourceMapping": ["Tags"],
  "AWS::SNS::Topic": ["TopicName"],
  "AWS::IAM::Role": ["AssumeRolePolicyDocument", "Policies", "RoleName"],
  "AWS::Logs::LogGroup": ["LogGroupName"],
};

/** What a service assumes if a template says nothing. */
const defaults: Readonly<Record<string, JsonObject>> = {
  "AWS::Lambda::EventSourceMapping": { Enabled: true },
};

/** Properties that are lists, which a parameter may be as a whole. */
const lists = /\.(SubnetIds|SecurityGroupIds)$/;

/** The value with members in the order of their names, so that equal values have equal texts. */
const ordered = (value: Json): Json => {
  if (Array.isArray(value)) return (value as readonly Json[]).map(ordered);
  if (!isObject(value)) return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, ordered(value[name] ?? null)]));
};

const flat = (path: string, value: Json): readonly (readonly [string, Json])[] => {
  if (isObject(value)) return Object.entries(value).flatMap(([name, part]) => flat(`${path}.${name}`, part));
  if (!Array.isArray(value)) return [[path, lists.test(path) ? [value] : value]];
  const parts = (value as readonly Json[]).map(ordered);
  return [[path, parts.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))]];
};

const resourceFacts = (role: string, { Type, Properties = {}, DeletionPolicy }: Resource) => {
  const kept = Object.entries({ ...defaults[Type], ...Properties }).filter(
    ([name]) => !(ignored[Type] ?? []).includes(name),
  );
  return [
    [`${role}.Type`, Type] as const,
    [`${role}.DeletionPolicy`, DeletionPolicy ?? "Delete"] as const,
    ...kept.flatMap(([name, value]) => flat(`${role}.${name}`, value)),
  ];
};

const numbersAsTexts = (_: string, value: unknown): unknown => (typeof value === "number" ? String(value) : value);

/** The statements as facts: one for each resource and condition, with the actions in order. */
const statementFacts = (owner: string, statements: readonly Json[]) => {
  const actions = new Map<string, Set<string>>();
  for (const statement of statements) {
    const { Effect, Principal, Condition: condition } = statement as JsonObject;
    // IAM compares texts: `1.2` and `"1.2"` are the same.
    const Condition = condition && (JSON.parse(JSON.stringify(condition), numbersAsTexts) as Json);
    for (const resource of listOf(member(statement, "Resource") ?? "")) {
      const suffix = [Principal, Condition].map((part) => (part === undefined ? "" : ` ${JSON.stringify(part)}`));
      const path = `${owner} ${textOf(Effect)} ${textOf(resource)}${suffix.join("")}`;
      const known = actions.get(path) ?? new Set();
      actions.set(path, known.add(listOf(member(statement, "Action")).map(textOf).sort().join(", ")));
    }
  }
  return [...actions].map(
    ([path, texts]) => [path, [...new Set([...texts].flatMap((text) => text.split(", ")))].sort()] as const,
  );
};

const statementsIn = (document: Json | undefined): readonly Json[] => listOf(member(document, "Statement"));

const policyFacts = ({ Type, Properties = {} }: Resource) => {
  if (Type === "AWS::IAM::Policy") return statementFacts("rights", statementsIn(Properties.PolicyDocument));
  if (Type === "AWS::IAM::Role") {
    const policies = listOf(Properties.Policies).flatMap((policy) => statementsIn(member(policy, "PolicyDocument")));
    return [
      ...statementFacts("rights", policies),
      ...statementFacts("trust", statementsIn(Properties.AssumeRolePolicyDocument)),
    ];
  }
  return statementFacts("policy", statementsIn(Properties.PolicyDocument));
};

/** The name of an alarm's metric. Of an alarm on an expression, the expression. */
const alarmName = ({ MetricName, Metrics }: JsonObject): string =>
  textOf(MetricName ?? listOf(Metrics).flatMap((one) => member(one, "Expression") ?? [])[0]);

const alarmFacts = ({ Properties: { AlarmName: _, ...properties } = {} }: Resource) => {
  const dimensions = listOf(properties.Dimensions).map((dimension) => textOf(member(dimension, "Value")));
  return flat(`alarm ${[alarmName(properties), ...dimensions].join(" of ")}`, properties);
};

/** The resources that belong to a role, by one of their properties. */
const ownerOf = ({ Type, Properties = {} }: Resource): Json | undefined => {
  const [property] = Type === "AWS::IAM::Policy" ? ["Roles"] : Type === "AWS::S3::BucketPolicy" ? ["Bucket"] : [];
  return property ? listOf(Properties[property])[0] : listOf(Properties.Queues ?? Properties.Topics)[0];
};

const policyTypes = ["AWS::IAM::Policy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy"];

const factsOfResource = (id: string, resource: Resource, roles: ReadonlyMap<string, string>) => {
  const role = roles.get(id);
  if (resource.Type === "AWS::CloudWatch::Alarm") return alarmFacts(resource);
  if (policyTypes.includes(resource.Type)) {
    return [...roles.values()].includes(idIn(ownerOf(resource))) ? policyFacts(resource) : [];
  }
  if (role === undefined) return [];
  return [...resourceFacts(role, resource), ...(role === "role" ? policyFacts(resource) : [])];
};

/** The facts of the pipeline in a template. Resources that have no role in the pipeline are left out. */
export const factsOf = (template: Template): Facts => {
  const raw = Object.entries(template.Resources).map(
    ([id, resource]) => [id, rendered(resource as unknown as Json) as unknown as Resource] as const,
  );
  const roles = rolesOf(new Map(raw));
  const inRoles = (text: string): string =>
    text.replaceAll(/\$\{([^.}]+)(?=[.}])/g, (reference, id: string) =>
      roles.has(id) ? `\${${roles.get(id)}` : reference,
    );
  const facts = raw.flatMap(([id, resource]) =>
    factsOfResource(id, mapTexts(resource as unknown as Json, inRoles) as unknown as Resource, roles),
  );
  const paths = facts.map(([path]) => path);
  const twice = paths.filter((path, index) => paths.indexOf(path) !== index);
  if (twice.length > 0) throw new Error(`two facts of one name: ${twice.join(", ")}`);
  return Object.fromEntries(facts);
};

/** What differs between two lists of facts: each path with both values. Undefined: the list has no such fact. */
export const differences = (
  expected: Facts,
  actual: Facts,
): Readonly<Record<string, readonly (Json | undefined)[]>> => {
  const paths = [...new Set([...Object.keys(expected), ...Object.keys(actual)])].sort();
  const isSame = (path: string): boolean => JSON.stringify(expected[path]) === JSON.stringify(actual[path]);
  return Object.fromEntries(
    paths.filter((path) => !isSame(path)).map((path) => [path, [expected[path], actual[path]]]),
  );
};
