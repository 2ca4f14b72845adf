// The variables by which the constructs tell a function its targets. Values of other variables may be secrets.

const arn = /^arn:[\w-]+:[\w-]+:[\w-]*:\d*:[^\s"'{}]+$/;
const name = /^[\w./-]+$/;
const url = /^https?:\/\/[\w.:-]+\/\d+\/[\w.-]+$/;

/** Each variable, and what its value looks like if it names a resource. */
const resourceVariables: Readonly<Record<string, RegExp>> = {
  DATABASE_SECRET_ARN: arn,
  EVENT_BUS: new RegExp(`${arn.source}|${name.source}`),
  MAIL_SECRET_ARN: arn,
  PAYLOAD_BUCKET: name,
  QUEUE_URL: url,
  TARGET_TABLE: new RegExp(`${arn.source}|${name.source}`),
  TOPIC_ARN: arn,
  WEBHOOK_SECRET_ARN: arn,
};

/** The values of those variables that name a resource of AWS. */
export const resourcesIn = (variables: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(resourceVariables).flatMap(([variable, pattern]) => {
      const value = variables[variable];
      return value !== undefined && pattern.test(value) ? [[variable, value] as const] : [];
    }),
  );
