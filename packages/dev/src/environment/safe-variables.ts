// The variables of AWS for the process of a pipeline: no call can reach AWS by accident.

import type { DevEngines } from "../engines/engines.ts";

/** Variables by name; undefined removes one. */
type Changes = Readonly<Record<string, string | undefined>>;

/** Variables by which an SDK finds real credentials. */
const credentialNames = [
  "AWS_PROFILE",
  "AWS_DEFAULT_PROFILE",
  "AWS_SESSION_TOKEN",
  "AWS_SECURITY_TOKEN",
  "AWS_ROLE_ARN",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
] as const;

/** An address that nothing answers: port 9 of this machine. */
const nowhere = "http://127.0.0.1:9";

const withoutCredentials: Changes = {
  ...Object.fromEntries(credentialNames.map((name) => [name, undefined])),
  AWS_ACCESS_KEY_ID: "local",
  AWS_SECRET_ACCESS_KEY: "local",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  AWS_CONFIG_FILE: "/dev/null",
  AWS_EC2_METADATA_DISABLED: "true",
};

/**
 * The variables that point the SDK to the engines. A service without an engine has an address that nothing answers. The real
 * credentials are removed, unless an engine of AWS is the user's own, which may check them. `own` are variables that the user
 * gave for this command; they win.
 */
export const safeVariables = (engines: DevEngines): Changes => {
  const { dynamodb, sqs, http, given } = engines;
  const isOwn = given.has("dynamodb") || given.has("sqs");
  return {
    ...(!isOwn && withoutCredentials),
    AWS_REGION: sqs.clientConfig.region,
    AWS_DEFAULT_REGION: sqs.clientConfig.region,
    AWS_ENDPOINT_URL: nowhere,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB_STREAMS: dynamodb.endpoint,
    AWS_ENDPOINT_URL_SQS: sqs.endpoint,
    AWS_ENDPOINT_URL_SNS: sqs.endpoint,
    AWS_ENDPOINT_URL_S3: sqs.endpoint,
    AWS_ENDPOINT_URL_EVENTBRIDGE: http?.url ?? nowhere,
    AWS_ENDPOINT_URL_SESV2: http?.url ?? nowhere,
    AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: undefined,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  };
};
