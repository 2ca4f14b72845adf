// Terraform files as a CloudFormation template: as much of the language, and those resources, that the example uses.

import type { Json, Resource, Template } from "./facts.ts";

interface Block {
  readonly [name: string]: Json;
}

/** The files of a module, as `hcl2tojson --strip-string-quotes` writes them. */
export interface Module {
  readonly resource: readonly { readonly [type: string]: { readonly [name: string]: Block } }[];
  readonly data: readonly { readonly [type: string]: { readonly [name: string]: Block } }[];
  readonly locals: readonly { readonly [name: string]: Json }[];
}

/** A resource of the module. */
interface Declared {
  readonly type: string;
  readonly name: string;
  readonly block: Block;
}

/** What Terraform calls an attribute, and CloudFormation. An empty text is the value of `Ref`. */
const attributes: Readonly<Record<string, string>> = {
  arn: "Arn",
  stream_arn: "StreamArn",
  url: "",
  id: "",
  uuid: "",
  bucket: "",
  function_name: "",
  "aws_dynamodb_table.name": "",
  "aws_cloudwatch_log_group.name": "",
  "aws_sqs_queue.name": "QueueName",
  // CloudFormation's attribute `Arn` of a log group ends in `:*`. See below.
  "aws_sns_topic.arn": "",
};

const data: Readonly<Record<string, string>> = {
  "data.aws_region.current.region": "AWS::Region",
  "data.aws_caller_identity.current.account_id": "AWS::AccountId",
};

const pascal = (name: string): string =>
  name.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());

const idOf = (type: string, name: string): string => `${type}/${name}`;

const referenceOf = (expression: string): string => {
  const known = data[expression];
  if (known !== undefined) return known;
  const [type = "", name = "", attribute = ""] = expression.split(".");
  if (type === "var") return pascal(name);
  const target = attributes[`${type}.${attribute}`] ?? attributes[attribute];
  if (target === undefined) throw new Error(`the test knows no attribute of CloudFormation for ${expression}`);
  return target === "" ? idOf(type, name) : `${idOf(type, name)}.${target}`;
};

/** The references of a text in CloudFormation's form. */
const inCloudFormation = (text: string): string =>
  text
    .replaceAll(/(\$\{aws_cloudwatch_log_group\.\w+\.arn\}):\*/g, "$1")
    .replaceAll(/\$\{([^}]+)\}/g, (_, expression: string) => `\${${referenceOf(expression)}}`);

const isObject = (value: Json | undefined): value is Block =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const listOf = (value: Json | undefined): readonly Json[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly Json[]) : [value];

const texts = (value: Json, change: (text: string) => Json): Json => {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return (value as readonly Json[]).map((part) => texts(part, change));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, texts(part, change)]));
};

/** One resource for each member of `for_each`, or the resource itself. */
const instancesOf = ({ type, name, block }: Declared, { locals }: Module): readonly Declared[] => {
  const { for_each: collection, ...rest } = block;
  if (typeof collection !== "string") return [{ type, name, block }];
  const local = /^\$\{local\.(\w+)\}$/.exec(collection)?.[1] ?? "";
  const members = locals.map((names) => names[local]).find(isObject) ?? {};
  return Object.entries(members).map(([key, value]) => {
    const withEach = (text: string): Json => {
      const member = /^\$\{each\.value\.(\w+)\}$/.exec(text)?.[1];
      if (member === undefined) return text.replaceAll(/\$\{each\.key\}/g, key);
      return (isObject(value) ? value[member] : undefined) ?? null;
    };
    return { type, name: `${name}/${key}`, block: texts(rest, withEach) as Block };
  });
};

const declaredIn = (module: Module): readonly Declared[] =>
  module.resource
    .flatMap((types) =>
      Object.entries(types).flatMap(([type, names]) =>
        Object.entries(names).map(([name, block]) => ({ type, name, block })),
      ),
    )
    .flatMap((declared) => instancesOf(declared, module));

const block = (from: Block, name: string): Block => {
  const [first] = listOf(from[name]);
  return isObject(first) ? first : {};
};

/** The members of a block that are there, by their names in CloudFormation. */
const renamed = (from: Block, names: Readonly<Record<string, string>>): Block =>
  Object.fromEntries(
    Object.entries(names).flatMap(([name, to]) => {
      const value = from[name];
      return value === undefined ? [] : [[to, value]];
    }),
  );

/** A member if the object or the list has members. */
const optional = (name: string, value: Block | readonly Json[]): Block =>
  Object.keys(value).length > 0 ? { [name]: value } : {};

/** The patterns, whose quotes Terraform escapes. */
const filterCriteriaOf = ({ filter }: Block): Block => {
  const Filters = listOf(filter).flatMap((one) =>
    isObject(one) ? [{ Pattern: String(one.pattern).replaceAll('\\"', '"') }] : [],
  );
  return Filters.length > 0 ? { FilterCriteria: { Filters } } : {};
};

const statementOf = (statement: Block): Block => {
  const principals = listOf(statement.principals).filter(isObject);
  const conditions = listOf(statement.condition).filter(isObject);
  const one = (value: Json | undefined): Json => {
    const list = listOf(value);
    return list.length === 1 ? (list[0] ?? null) : list;
  };
  const principalOf = ({ type, identifiers }: Block): Json =>
    type === "*" ? "*" : { [String(type)]: one(identifiers) };
  return {
    Effect: statement.effect ?? "Allow",
    Action: statement.actions ?? [],
    ...(statement.resources !== undefined && { Resource: statement.resources }),
    ...(principals.length > 0 && { Principal: one(principals.map(principalOf)) }),
    ...(conditions.length > 0 && {
      Condition: Object.fromEntries(
        conditions.map(({ test, variable, values }) => [String(test), { [String(variable)]: one(values) }]),
      ),
    }),
  };
};

const keySchema = ({ hash_key, range_key }: Block): Json => [
  { AttributeName: hash_key ?? null, KeyType: "HASH" },
  ...(range_key === undefined ? [] : [{ AttributeName: range_key, KeyType: "RANGE" }]),
];

const dimensionsOf = (dimensions: Json | undefined): readonly Json[] =>
  isObject(dimensions) ? Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })) : [];

/** A part of an alarm on an expression: the expression, or one of its metrics. */
const metricQueryOf = (query: Block): Block => {
  const { stat, period, ...metric } = block(query, "metric");
  return {
    ...renamed(query, { id: "Id", label: "Label", expression: "Expression", return_data: "ReturnData" }),
    ...(stat !== undefined && {
      MetricStat: {
        Metric: {
          ...renamed(metric, { namespace: "Namespace", metric_name: "MetricName" }),
          Dimensions: dimensionsOf(metric.dimensions),
        },
        Stat: stat,
        Period: period ?? null,
      },
    }),
  };
};

type Converter = (from: Block, policy: (reference: Json | undefined) => Json) => Resource;

/** The properties of each type of resource. A type that is missing here fails the test. */
const converters: Readonly<Record<string, Converter>> = {
  aws_lambda_function: (from) => ({
    Type: "AWS::Lambda::Function",
    Properties: {
      ...renamed(from, { runtime: "Runtime", architectures: "Architectures", memory_size: "MemorySize" }),
      ...renamed(from, { timeout: "Timeout", role: "Role", handler: "Handler" }),
      ...optional(
        "LoggingConfig",
        renamed(block(from, "logging_config"), { log_format: "LogFormat", log_group: "LogGroup" }),
      ),
      ...optional(
        "VpcConfig",
        renamed(block(from, "vpc_config"), { subnet_ids: "SubnetIds", security_group_ids: "SecurityGroupIds" }),
      ),
      ...optional("Environment", renamed(block(from, "environment"), { variables: "Variables" })),
    },
  }),
  aws_lambda_event_source_mapping: (from) => ({
    Type: "AWS::Lambda::EventSourceMapping",
    Properties: {
      ...Object.fromEntries(
        Object.entries(from)
          .filter(([, value]) => !isObject(listOf(value)[0]))
          .map(([name, value]) => [pascal(name), value]),
      ),
      ...optional(
        "DestinationConfig",
        optional(
          "OnFailure",
          renamed(block(block(from, "destination_config"), "on_failure"), { destination_arn: "Destination" }),
        ),
      ),
      ...filterCriteriaOf(block(from, "filter_criteria")),
      ...optional("MetricsConfig", renamed(block(from, "metrics_config"), { metrics: "Metrics" })),
      ...optional(
        "ScalingConfig",
        renamed(block(from, "scaling_config"), { maximum_concurrency: "MaximumConcurrency" }),
      ),
    },
  }),
  aws_sqs_queue: (from) => ({
    Type: "AWS::SQS::Queue",
    Properties: renamed(from, {
      fifo_queue: "FifoQueue",
      content_based_deduplication: "ContentBasedDeduplication",
      visibility_timeout_seconds: "VisibilityTimeout",
      message_retention_seconds: "MessageRetentionPeriod",
      sqs_managed_sse_enabled: "SqsManagedSseEnabled",
      kms_master_key_id: "KmsMasterKeyId",
      redrive_policy: "RedrivePolicy",
    }),
  }),
  aws_sqs_queue_policy: ({ queue_url, policy }, documentOf) => ({
    Type: "AWS::SQS::QueuePolicy",
    Properties: { Queues: [queue_url ?? null], PolicyDocument: documentOf(policy) },
  }),
  aws_sns_topic: (from) => ({
    Type: "AWS::SNS::Topic",
    Properties: renamed(from, { fifo_topic: "FifoTopic", kms_master_key_id: "KmsMasterKeyId" }),
  }),
  aws_sns_topic_policy: ({ arn, policy }, documentOf) => ({
    Type: "AWS::SNS::TopicPolicy",
    Properties: { Topics: [arn ?? null], PolicyDocument: documentOf(policy) },
  }),
  aws_dynamodb_table: (from) => ({
    Type: "AWS::DynamoDB::Table",
    Properties: {
      ...renamed(from, { billing_mode: "BillingMode" }),
      AttributeDefinitions: listOf(from.attribute)
        .filter(isObject)
        .map((attribute) => renamed(attribute, { name: "AttributeName", type: "AttributeType" })),
      KeySchema: keySchema(from),
      ...optional("StreamSpecification", renamed(from, { stream_view_type: "StreamViewType" })),
      ...optional(
        "TimeToLiveSpecification",
        renamed(block(from, "ttl"), { attribute_name: "AttributeName", enabled: "Enabled" }),
      ),
      ...optional(
        "PointInTimeRecoverySpecification",
        renamed(block(from, "point_in_time_recovery"), { enabled: "PointInTimeRecoveryEnabled" }),
      ),
    },
  }),
  aws_s3_bucket: () => ({ Type: "AWS::S3::Bucket", Properties: {} }),
  aws_s3_bucket_policy: ({ bucket, policy }, documentOf) => ({
    Type: "AWS::S3::BucketPolicy",
    Properties: { Bucket: bucket ?? null, PolicyDocument: documentOf(policy) },
  }),
  aws_iam_role: ({ assume_role_policy }, documentOf) => ({
    Type: "AWS::IAM::Role",
    Properties: { AssumeRolePolicyDocument: documentOf(assume_role_policy) },
  }),
  aws_iam_role_policy: ({ role, policy }, documentOf) => ({
    Type: "AWS::IAM::Policy",
    Properties: { Roles: [role ?? null], PolicyDocument: documentOf(policy) },
  }),
  aws_cloudwatch_log_group: (from) => ({
    Type: "AWS::Logs::LogGroup",
    Properties: renamed(from, { retention_in_days: "RetentionInDays" }),
  }),
  aws_cloudwatch_metric_alarm: ({ dimensions, metric_query, ...from }) => ({
    Type: "AWS::CloudWatch::Alarm",
    Properties: {
      ...Object.fromEntries(
        Object.entries(from)
          .filter(([name]) => !["__is_block__", "alarm_name"].includes(name))
          .map(([name, value]) => [pascal(name), value]),
      ),
      ...optional("Dimensions", dimensionsOf(dimensions)),
      ...optional("Metrics", listOf(metric_query).filter(isObject).map(metricQueryOf)),
    },
  }),
};

/** Resources of their own in Terraform, which are properties of the bucket in CloudFormation. */
const ofBuckets: Readonly<Record<string, (from: Block) => Block>> = {
  aws_s3_bucket_server_side_encryption_configuration: (from) => ({
    BucketEncryption: {
      ServerSideEncryptionConfiguration: [
        {
          ServerSideEncryptionByDefault: renamed(
            block(block(from, "rule"), "apply_server_side_encryption_by_default"),
            { sse_algorithm: "SSEAlgorithm", kms_master_key_id: "KMSMasterKeyID" },
          ),
        },
      ],
    },
  }),
  aws_s3_bucket_lifecycle_configuration: (from) => ({
    LifecycleConfiguration: {
      Rules: listOf(from.rule)
        .filter(isObject)
        .map((rule) => ({
          AbortIncompleteMultipartUpload: renamed(block(rule, "abort_incomplete_multipart_upload"), {
            days_after_initiation: "DaysAfterInitiation",
          }),
          ...renamed(block(rule, "expiration"), { days: "ExpirationInDays" }),
          ...renamed(rule, { status: "Status" }),
        })),
    },
  }),
  aws_s3_bucket_ownership_controls: (from) => ({
    OwnershipControls: { Rules: [renamed(block(from, "rule"), { object_ownership: "ObjectOwnership" })] },
  }),
  aws_s3_bucket_public_access_block: (from) => ({
    PublicAccessBlockConfiguration: renamed(from, {
      block_public_acls: "BlockPublicAcls",
      block_public_policy: "BlockPublicPolicy",
      ignore_public_acls: "IgnorePublicAcls",
      restrict_public_buckets: "RestrictPublicBuckets",
    }),
  }),
};

/** The documents of `data "aws_iam_policy_document"`, by the expression that refers to them. */
const documentsOf = ({ data: sources }: Module): ReadonlyMap<string, Json> =>
  new Map(
    sources
      .flatMap((types) => Object.entries(types.aws_iam_policy_document ?? {}))
      .map(([name, document]) => [
        `\${data.aws_iam_policy_document.${name}.json}`,
        { Version: "2012-10-17", Statement: listOf(document.statement).filter(isObject).map(statementOf) },
      ]),
  );

const isProtected = (from: Block): boolean => block(from, "lifecycle").prevent_destroy === true;

/** Arguments that say nothing that a fact could say: names, code, and what another argument implies. */
const silent = [
  "name",
  "function_name",
  "alarm_name",
  "bucket_prefix",
  "bucket",
  "filename",
  "source_code_hash",
  "stream_enabled",
];

/** Converts a resource. Throws if an argument was not read, so that no argument escapes the comparison. */
const converted = <Result>(type: string, from: Block, convert: (from: Block) => Result): Result => {
  const seen = new Set<string | symbol>(silent);
  const watched = new Proxy(from, {
    get: (target, name) => {
      seen.add(name);
      return Reflect.get(target, name);
    },
  });
  const result = convert(watched);
  const unread = Object.keys(from).filter((name) => !seen.has(name));
  if (unread.length > 0) throw new Error(`the test does not compare these arguments of ${type}: ${unread.join(", ")}`);
  return result;
};

const withoutMeta = ({ __is_block__: _, lifecycle: __, depends_on: ___, ...rest }: Block): Block => rest;

const resourceOf = ({ type, block: from }: Declared, documents: ReadonlyMap<string, Json>): Resource => {
  const convert = converters[type];
  if (convert === undefined) throw new Error(`the test does not know the resource ${type}`);
  const documentOf = (reference: Json | undefined): Json => documents.get(String(reference)) ?? null;
  const resource = converted(type, withoutMeta(from), (arguments_) => convert(arguments_, documentOf));
  return { ...resource, DeletionPolicy: isProtected(from) ? "Retain" : "Delete" };
};

/** The module as a template. `prevent_destroy` is the nearest to `DeletionPolicy: Retain`. */
export const templateOfModule = (module: Module): Template => {
  const documents = documentsOf(module);
  const declared = declaredIn(module);
  const resources = declared
    .filter(({ type }) => ofBuckets[type] === undefined)
    .map((one): readonly [string, Resource] => [idOf(one.type, one.name), resourceOf(one, documents)]);
  const properties = declared.flatMap(({ type, block: from }) => {
    const bucket = /^\$\{(aws_s3_bucket)\.(\w+)\.id\}$/.exec(String(from.bucket));
    const convert = ofBuckets[type];
    return convert && bucket
      ? [{ id: idOf(bucket[1] ?? "", bucket[2] ?? ""), properties: converted(type, withoutMeta(from), convert) }]
      : [];
  });
  const complete = resources.map(([id, resource]) => {
    const more = properties.filter((other) => other.id === id).map((other) => other.properties);
    return [id, { ...resource, Properties: Object.assign({}, resource.Properties, ...more) as Block }] as const;
  });
  return texts({ Resources: Object.fromEntries(complete) as unknown as Json }, inCloudFormation) as unknown as Template;
};
