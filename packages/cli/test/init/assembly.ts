// The synthesised stack of a project: its template, and its functions as AWS would start them.

import { cpSync } from "node:fs";
import { join } from "node:path";
import { readJson, runIn } from "./support.ts";

/** A synthesised template. */
export interface StackTemplate {
  readonly Resources: Readonly<Record<string, Resource>>;
}

interface Resource {
  readonly Type: string;
  readonly Properties?: {
    readonly FifoQueue?: boolean;
    readonly FifoTopic?: boolean;
    readonly Handler?: string;
    readonly Code?: { readonly S3Key?: string };
    readonly Environment?: { readonly Variables: Readonly<Record<string, unknown>> };
  };
}

interface CloudManifest {
  readonly artifacts: Readonly<Record<string, { readonly properties?: { readonly templateFile?: string } }>>;
}

/** Synthesises the stack as the CLI of the CDK does, and returns its template. Throws if a rule finds something. */
export const synthesise = async (project: string): Promise<StackTemplate> => {
  const { app } = readJson<{ readonly app: string }>(join(project, "cdk.json"));
  const [, ...args] = app.split(" ");
  await runIn(project, process.execPath, args, { CDK_OUTDIR: "cdk.out" });
  const { artifacts } = readJson<CloudManifest>(join(project, "cdk.out/manifest.json"));
  const [file, another] = Object.values(artifacts).flatMap(({ properties }) => properties?.templateFile ?? []);
  if (file === undefined || another !== undefined) throw new Error(`${project} does not have exactly one stack`);
  return readJson<StackTemplate>(join(project, "cdk.out", file));
};

const [region, account] = ["eu-west-1", "123456789012"];

/** What AWS gives for a reference to a resource. */
const addressOf = (id: string, { Type, Properties = {} }: Resource): string => {
  const suffix = Properties.FifoQueue || Properties.FifoTopic ? ".fifo" : "";
  if (Type === "AWS::SQS::Queue") return `https://sqs.${region}.amazonaws.com/${account}/${id}${suffix}`;
  if (Type === "AWS::SNS::Topic") return `arn:aws:sns:${region}:${account}:${id}${suffix}`;
  return id;
};

const arnOf = (id: string, { Type }: Resource): string =>
  Type === "AWS::Events::EventBus"
    ? `arn:aws:events:${region}:${account}:event-bus/${id}`
    : `arn:aws:dynamodb:${region}:${account}:table/${id}`;

/** Resolves the value of a variable as a deployment does. */
const resolved = ({ Resources }: StackTemplate, value: unknown): string => {
  if (typeof value === "string") return value;
  const {
    Ref,
    "Fn::GetAtt": attribute,
    "Fn::Join": join,
  } = value as {
    readonly Ref?: string;
    readonly "Fn::GetAtt"?: readonly [string, string];
    readonly "Fn::Join"?: readonly [string, readonly unknown[]];
  };
  if (Ref !== undefined) return Resources[Ref] ? addressOf(Ref, Resources[Ref]) : region;
  if (attribute !== undefined && Resources[attribute[0]])
    return arnOf(attribute[0], Resources[attribute[0]] as Resource);
  if (join !== undefined) {
    const text = join[1].map((part) => resolved({ Resources }, part)).join(join[0]);
    // The value of the signing key: 32 letters and digits.
    return text.replaceAll(/\{\{resolve:secretsmanager:.*?\}\}/g, "A1b2".repeat(8));
  }
  throw new Error(`${JSON.stringify(value)} is not a value that this test resolves`);
};

// Only the message of an error: Node would show the line of the error, and a bundle is one line.
const load = `try { process.stdout.write(typeof require(process.argv[1]).handler); }
catch (error) { process.stdout.write(error.message); }`;

/** Loads the bundle of each function with the variables that the stack gives it. Returns the types of the handlers. */
export const startFunctions = async (project: string, template: StackTemplate): Promise<readonly string[]> => {
  const functions = Object.values(template.Resources).filter(
    ({ Type, Properties }) => Type === "AWS::Lambda::Function" && Properties?.Handler === "index.handler",
  );
  return Promise.all(
    functions.map(({ Properties = {} }) => {
      const hash = Properties.Code?.S3Key?.replace(".zip", "") ?? "";
      // In Lambda, no package.json says that the bundle is an ES module.
      const bundle = join(`${project}-functions`, hash);
      cpSync(join(project, "cdk.out", `asset.${hash}`), bundle, { recursive: true });
      const variables = Object.entries(Properties.Environment?.Variables ?? {})
        .filter(([name]) => name !== "NODE_EXTRA_CA_CERTS")
        .map(([name, value]) => [name, resolved(template, value)]);
      const args = ["-e", load, join(bundle, "index.js")];
      return runIn(project, process.execPath, args, { AWS_REGION: region, ...Object.fromEntries(variables) });
    }),
  );
};
