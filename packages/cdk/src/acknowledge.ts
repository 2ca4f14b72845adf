// Findings of cdk-nag that are intended. Its rules know neither Sluice's queues nor that its stores expire.

import { Stack, Validations } from "aws-cdk-lib";
import { Construct, type IConstruct } from "constructs";

const reasons = {
  "AwsSolutions-SQS3":
    "A delivery that fails goes to the pipeline's dead-letter queue by its age, not by a count of receives.",
  "AwsSolutions-S1": "The pipeline alone uses the bucket, objects expire, and CloudTrail can log their use.",
  "AwsSolutions-DDB3": "Entries live for days and repeat themselves, so that a backup is of no use.",
  "AwsSolutions-SMG4": "A new secret makes the links that wait for a person invalid; a link expires in days.",
} as const;

/** Acknowledges findings, so that an app with cdk-nag need not. */
export const acknowledge = (construct: IConstruct, ...ids: readonly (keyof typeof reasons)[]): void => {
  for (const id of ids) Validations.of(construct).acknowledge({ id, reason: reasons[id] });
};

/** Writes an ARN as cdk-nag does: `<Bucket.Arn>/*`. */
const shown = (arn: unknown): string => {
  if (typeof arn !== "object" || arn === null) return String(arn);
  const { Ref, "Fn::GetAtt": attribute, "Fn::Join": join } = arn as Readonly<Record<string, unknown>>;
  if (typeof Ref === "string") return `<${Ref}>`;
  if (Array.isArray(attribute)) return `<${attribute.join(".")}>`;
  if (!Array.isArray(join)) return "";
  const [separator, parts] = join as [string, readonly unknown[]];
  return parts.map(shown).join(separator);
};

/** Acknowledges the wildcards in a statement's resources: each names all that has no narrower name. */
export const acknowledgeWildcards = (principal: unknown, arns: readonly string[]): void => {
  if (!Construct.isConstruct(principal)) return;
  for (const arn of arns) {
    const resource = shown(Stack.of(principal).resolve(arn));
    if (!resource.includes("*")) continue;
    const reason =
      resource === "*"
        ? "The action has no narrower resource."
        : "The resources are the objects under a prefix, or the paths of an index, whose names are not known before.";
    Validations.of(principal).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason });
  }
};
