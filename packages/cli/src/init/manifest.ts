// The package.json of a new project.

import type { ProjectPlan } from "./plan.ts";
import { initSinks } from "./sinks.ts";

/** Versions of the packages that are not ours. A test compares them with those of the workspace. */
export const versions: Readonly<Record<string, string>> = {
  "@aws-lambda-powertools/idempotency": "2.35.0",
  "@aws-sdk/client-dynamodb": "^3.1164.0",
  "@aws-sdk/client-eventbridge": "^3.1169.0",
  "@aws-sdk/client-secrets-manager": "^3.1164.0",
  "@aws-sdk/client-sesv2": "^3.1169.0",
  "@aws-sdk/client-sns": "^3.1169.0",
  "@aws-sdk/client-sqs": "^3.1169.0",
  "@opensearch-project/opensearch": "^3.9.0",
  "@types/node": "^20.19.0",
  "@types/pg": "^8.23.1",
  "aws-cdk": "^2.1148.1",
  "aws-cdk-lib": "2.276.0",
  constructs: "10.8.1",
  esbuild: "0.28.2",
  pg: "^8.23.1",
  typescript: "7.0.2",
  zod: "^4.6.7",
};

const always = ["@sluice/core", "@aws-sdk/client-sqs", "zod"];

const alwaysInDevelopment = [
  "@sluice/cdk",
  "@sluice/cli",
  "@sluice/dev",
  "@sluice/local",
  "@sluice/testing",
  "@types/node",
  "aws-cdk",
  "aws-cdk-lib",
  "constructs",
  "esbuild",
  "typescript",
];

const pinned = (names: readonly string[], release: string): Record<string, string> =>
  Object.fromEntries(
    [...new Set(names)]
      .sort()
      .map((name) => [name, name.startsWith("@sluice/") ? release : (versions[name] ?? "")] as const),
  );

/** `pk,sk:N`, as the option `--key` has it. */
const keyOption = (key: ProjectPlan["key"]): string =>
  key
    .filter((attribute) => attribute !== undefined)
    .map(({ name, type }) => (type === "S" ? name : `${name}:${type}`))
    .join(",");

/** Returns the text of the package.json. `release` is the version of all our packages. */
export const manifestText = ({ name, table, key, sinks }: ProjectPlan, release: string): string => {
  const used = sinks.map((sink) => initSinks[sink]);
  const manifest = {
    name,
    private: true,
    type: "module",
    engines: { node: ">=20.19" },
    scripts: {
      dev: `sluice dev src/pipeline.ts --table ${table} --key ${keyOption(key)} --seed seed.ndjson`,
      build: "tsc",
      typecheck: "tsc --noEmit",
      test: "tsc && node --test dist/test/*.test.js",
      synth: "cdk synth --quiet",
      deploy: "cdk deploy",
    },
    dependencies: pinned(
      [...always, ...sinks.map((sink) => `@sluice/sink-${sink}`), ...used.flatMap(({ packages }) => packages)],
      release,
    ),
    devDependencies: pinned([...alwaysInDevelopment, ...used.flatMap(({ testPackages }) => testPackages)], release),
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
};
