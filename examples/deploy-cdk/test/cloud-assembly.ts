// Deploys a synthesised stack to ministack, as `cdk deploy` does to AWS: uploads the assets, then creates the stack.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { CloudFormation, waitUntilStackCreateComplete } from "@aws-sdk/client-cloudformation";
import { S3 } from "@aws-sdk/client-s3";
import type { MinistackEngine } from "@sluice/local";
import type { Stack, Stage } from "aws-cdk-lib";

interface FileAsset {
  readonly source: { readonly path: string; readonly packaging: "file" | "zip" };
  readonly destinations: { readonly [name: string]: { readonly bucketName: string; readonly objectKey: string } };
}

const run = promisify(execFile);

/** Zips a folder. The machine's Python has a zip program; Node has none. */
const zipOf = async (folder: string): Promise<Uint8Array> => {
  const archive = `${folder}.zip`;
  const code = "import shutil, sys; shutil.make_archive(sys.argv[1], 'zip', sys.argv[1])";
  await run("python3", ["-c", code, folder]);
  return readFile(archive);
};

const upload = async (s3: S3, directory: string, { source, destinations }: FileAsset): Promise<void> => {
  const path = join(directory, source.path);
  const Body = source.packaging === "zip" ? await zipOf(path) : await readFile(path);
  for (const { bucketName: Bucket, objectKey: Key } of Object.values(destinations)) {
    await s3.createBucket({ Bucket }).catch((error: Error) => {
      if (!/^Bucket(AlreadyOwnedByYou|AlreadyExists)$/.test(error.name)) throw error;
    });
    await s3.putObject({ Bucket, Key, Body });
  }
};

/** Deploys the only stack of an app. Returns the outputs of the stack. */
export const deployTo = async (engine: MinistackEngine, stack: Stack): Promise<Readonly<Record<string, string>>> => {
  const assembly = (stack.node.root as Stage).synth();
  const { templateFile, stackName } = assembly.getStackArtifact(stack.artifactId);
  const assets = JSON.parse(await readFile(join(assembly.directory, `${stack.artifactId}.assets.json`), "utf8")) as {
    readonly files: Readonly<Record<string, FileAsset>>;
  };
  const s3 = new S3({ ...engine.clientConfig, forcePathStyle: true });
  const cloudFormation = new CloudFormation(engine.clientConfig);
  try {
    for (const asset of Object.values(assets.files)) await upload(s3, assembly.directory, asset);
    // A template in the request is limited to 51,200 bytes.
    const template = Object.values(assets.files).find(({ source }) => source.path === templateFile);
    const [place] = Object.values(template?.destinations ?? {});
    const TemplateURL = `${engine.endpoint}/${place?.bucketName}/${place?.objectKey}`;
    await cloudFormation.createStack({ StackName: stackName, TemplateURL, Capabilities: ["CAPABILITY_IAM"] });
    const waiting = { client: cloudFormation, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
    await waitUntilStackCreateComplete(waiting, { StackName: stackName });
    const { Stacks = [] } = await cloudFormation.describeStacks({ StackName: stackName });
    const outputs = Stacks[0]?.Outputs ?? [];
    return Object.fromEntries(outputs.map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue]));
  } finally {
    s3.destroy();
    cloudFormation.destroy();
  }
};
