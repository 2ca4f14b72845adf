import type { Template } from "aws-cdk-lib/assertions";

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

/** The part of a pipeline to which a resource belongs: `Retry` of `SyncRetryQueue353465B4`. */
const partOf = (resource: unknown): string => {
  if (resource === "*") return "*";
  const id = /"([A-Za-z0-9]+)"/.exec(JSON.stringify(resource).replace(/"(Fn::[A-Za-z]+|Ref|)"/g, ""))?.[1] ?? "?";
  return (
    /^(?:Sync)?(?:Function)?([A-Z][a-z]+(?:[A-Z][a-z]+)?)/.exec(id)?.[1]?.replace(/(Queue|Bucket|Table)$/, "") ?? id
  );
};

/** The actions of the function's role, sorted, for each part of the pipeline. */
export const policyOf = (template: Template): Readonly<Record<string, readonly string[]>> => {
  const policies = Object.values(template.findResources("AWS::IAM::Policy"));
  const statements = policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement as readonly Statement[]);
  const parts: Record<string, string[]> = {};
  for (const { Action, Resource } of statements) {
    const part = partOf(Resource);
    parts[part] = [...new Set([...(parts[part] ?? []), ...[Action].flat()])].sort();
  }
  return parts;
};
