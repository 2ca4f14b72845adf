// The programs with which deployers' files are read: cfn-lint, SAM's translator, an HCL parser and osls. Each is installed
// once into the cache, with a pinned version.

import { execFile } from "node:child_process";
import { access, cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { EngineMissingError } from "@sluice/local";
// biome-ignore lint/style/noRestrictedImports: no package exports what its engines share
import { inCache } from "../../packages/local/src/engines/engine-directory.ts";
// biome-ignore lint/style/noRestrictedImports: no package exports what its engines share
import { pythonWith } from "../../packages/local/src/engines/python-package.ts";
import { root } from "../markdown.ts";
import type { Template } from "./facts.ts";
import { type Module, templateOfModule } from "./terraform.ts";

const run = promisify(execFile);
const maxBuffer = 64 * 1024 * 1024;
const region = "eu-west-1";
const examples = join(root, "examples");

/** One environment for all three. Its name has all versions, because the cache is searched by name. */
const hcl2 = "8.1.4";
const translator = "1.115.0";
const python = (): Promise<string> =>
  pythonWith({
    name: `sam-${translator}-hcl2-${hcl2}-cfn-lint`,
    requirement: "cfn-lint",
    version: "1.58.0",
    besides: [`python-hcl2==${hcl2}`, `aws-sam-translator==${translator}`],
  });

/** Runs a program of Python, and returns what it prints. */
const runPython = async (code: string, ...args: readonly string[]): Promise<string> => {
  const { stdout } = await run(await python(), ["-c", code, ...args], { maxBuffer });
  return stdout;
};

/** Prints the findings. The exit code would say how serious they are. */
const linting = `
import sys
from cfnlint.runner import main
try:
    main()
except SystemExit as end:
    sys.exit(0 if end.code != 1 else 1)
`;

/** What cfn-lint finds in a template: `W3005 …`. */
export const lint = async (path: string): Promise<readonly string[]> => {
  const stdout = await runPython(linting, "--regions", region, "--format", "json", "--", path);
  const findings = JSON.parse(stdout) as readonly {
    readonly Rule: { readonly Id: string };
    readonly Message: string;
  }[];
  return findings.map(({ Rule, Message }) => `${Rule.Id} ${Message}`);
};

/** Expands SAM's resources as CloudFormation does. The code is where `sam package` would have put it. */
const translation = `
import json, re, sys
import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse
template = yaml_parse(re.sub(r"CodeUri: .*", "CodeUri: s3://bucket/code", open(sys.argv[1]).read()))
session = boto3.Session(region_name="${region}")
print(json.dumps(Translator({}, Parser(), boto_session=session).translate(template, {})))
`;

/** The template of examples/deploy-sam as it is written, in the long form of CloudFormation's functions. */
export const samSource = async (): Promise<unknown> =>
  JSON.parse(await runPython(reading, join(examples, "deploy-sam/template.yaml")));

const reading = `
import json, sys
from samtranslator.yaml_helper import yaml_parse
print(json.dumps(yaml_parse(open(sys.argv[1]).read())))
`;

/** The template of examples/deploy-sam, as SAM's transform expands it. */
export const samTemplate = async (): Promise<Template> => {
  const stdout = await runPython(translation, join(examples, "deploy-sam/template.yaml"));
  return JSON.parse(stdout) as Template;
};

const parsing = `
import json, sys
import hcl2
from hcl2.utils import SerializationOptions
text = "\\n".join(open(name).read() for name in sys.argv[1:])
print(json.dumps(hcl2.loads(text, serialization_options=SerializationOptions(strip_string_quotes=True))))
`;

const terraformFiles = ["main.tf", "stores.tf", "role.tf", "alarms.tf"];

/** The module of examples/deploy-terraform as a template. */
export const terraformTemplate = async (): Promise<Template> => {
  const files = terraformFiles.map((name) => join(examples, "deploy-terraform", name));
  return templateOfModule(JSON.parse(await runPython(parsing, ...files)) as Module);
};

const inDirectory = async <Result>(use: (directory: string) => Promise<Result>): Promise<Result> => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-deploy-"));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Installs osls into a folder beside the target, and renames the folder when the installation is complete. */
const installOsls = async (target: string): Promise<void> => {
  const partial = `${target}.${process.pid}`;
  await mkdir(dirname(target), { recursive: true });
  await cp(join(import.meta.dirname, "osls"), partial, { recursive: true });
  try {
    const options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--prefix", partial];
    await run("npm", options, { cwd: partial, env: { ...process.env, NODE_OPTIONS: "" }, maxBuffer });
    await rename(partial, target);
  } catch (cause) {
    await rm(partial, { recursive: true, force: true });
    if (await exists(target)) return;
    throw new EngineMissingError("osls needs npm and its registry the first time: connect to the network.", { cause });
  }
};

/** The command of osls in the cache. */
const osls = async (): Promise<string> => {
  const { dependencies } = JSON.parse(await readFile(join(import.meta.dirname, "osls/package.json"), "utf8")) as {
    readonly dependencies: { readonly osls: string };
  };
  const target = inCache(`osls-${dependencies.osls}`);
  if (!(await exists(target))) await installOsls(target);
  return join(target, "node_modules/osls/bin/serverless.js");
};

const reference = (name: string): string => `\${${name}}`;

/** Values of the parameters, which look like references to the parameters of the other templates. */
const parameters = {
  SUBNET_IDS: reference("SubnetIds"),
  SECURITY_GROUP_ID: reference("SecurityGroupId"),
  DATABASE_SECRET_ARN: reference("DatabaseSecretArn"),
  SEARCH_DOMAIN_ARN: reference("SearchDomainArn"),
  SEARCH_DOMAIN_ENDPOINT: reference("SearchDomainEndpoint"),
};

/** The template that `osls package` makes of examples/deploy-serverless, with a stub instead of the bundle. */
export const serverlessTemplate = async (values: Readonly<Record<string, string>> = parameters): Promise<Template> => {
  const command = await osls();
  return inDirectory(async (directory) => {
    await cp(join(examples, "deploy-serverless"), directory, { recursive: true });
    await mkdir(join(directory, "build"), { recursive: true });
    await writeFile(join(directory, "build/handler.js"), "exports.handler = async () => ({});\n");
    // Packaging is offline, but osls wants credentials.
    const credentials = { AWS_ACCESS_KEY_ID: "none", AWS_SECRET_ACCESS_KEY: "none", AWS_REGION: region };
    const env = { ...process.env, NODE_OPTIONS: "", ...credentials, ...values };
    await run(process.execPath, [command, "package"], { cwd: directory, env, maxBuffer });
    const template = join(directory, ".serverless/cloudformation-template-update-stack.json");
    return JSON.parse(await readFile(template, "utf8")) as Template;
  });
};

/** Installs what the tests need. The error names what is missing. */
export const installTools = async (): Promise<{ readonly stop: () => Promise<void> }> => {
  await python();
  await osls();
  return { stop: () => Promise.resolve() };
};
