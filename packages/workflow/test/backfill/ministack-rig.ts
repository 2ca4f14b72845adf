// Runs state machines on ministack, with functions that are bundled from functions.ts and run as Node processes.

import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { Lambda } from "@aws-sdk/client-lambda";
import { S3 } from "@aws-sdk/client-s3";
import { SFN } from "@aws-sdk/client-sfn";
import { type MinistackEngine, startMinistack } from "@sluice/local";
import { build } from "esbuild";
import type { CopyStateMachine } from "../../src/index.ts";
import { zipOf } from "./zip.ts";

/** How an execution ended. */
export interface Execution {
  readonly name: string;
  readonly status: string;
  readonly error: string | undefined;
  readonly cause: string | undefined;
  readonly output: unknown;
  /** Number of children by status. */
  readonly children: Readonly<Record<string, number>>;
  /** The largest number of children at once, as the dates of the children show it. */
  readonly mostAtOnce: number;
}

/** ARNs of functions, by placeholder. */
export type Functions = Readonly<Record<string, string>>;

/** ministack with its clients. */
export interface MinistackRig {
  readonly engine: MinistackEngine;
  readonly s3: S3;
  readonly dynamodb: DynamoDB;
  readonly lambda: Lambda;
  readonly sfn: SFN;
  /** Creates a function for each placeholder, by the name of its export. Default of `timeoutSeconds`: 60. */
  readonly deploy: (
    exports: Readonly<Record<string, string>>,
    environment: Readonly<Record<string, string>>,
    timeoutSeconds?: number,
  ) => Promise<Functions>;
  /** Starts an execution, and waits for its end. */
  readonly run: (machine: CopyStateMachine, functions: Functions, input: object) => Promise<Execution>;
  readonly stop: () => Promise<void>;
}

const bundled = async (): Promise<Uint8Array> => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("./functions.ts", import.meta.url))],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    external: ["pg-native"],
    minify: true,
    write: false,
    logLevel: "silent",
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
};

const roleArn = "arn:aws:iam::000000000000:role/sluice";

const maxWaitMs = 110_000;

/** Most intervals that overlap. */
const overlaps = (intervals: readonly (readonly [number, number])[]): number =>
  Math.max(0, ...intervals.map(([start]) => intervals.filter(([from, to]) => from <= start && start < to).length));

export const ministackRig = async (): Promise<MinistackRig> => {
  const engine = await startMinistack({ endpoint: "", waitScale: 0.01 });
  const config = engine.clientConfig;
  const s3 = new S3({ ...config, forcePathStyle: true });
  const [dynamodb, lambda, sfn] = [new DynamoDB(config), new Lambda(config), new SFN(config)];
  const code = zipOf("index.js", await bundled());
  let deployments = 0;
  let machines = 0;

  const deploy: MinistackRig["deploy"] = async (exports, environment, timeoutSeconds = 60) => {
    deployments += 1;
    const created = Object.entries(exports).map(async ([placeholder, name]) => {
      const { FunctionArn = "" } = await lambda.createFunction({
        FunctionName: `${name}-${deployments}`,
        Runtime: "nodejs22.x",
        Role: roleArn,
        Handler: `index.${name}`,
        Code: { ZipFile: code },
        Timeout: timeoutSeconds,
        MemorySize: 512,
        Environment: { Variables: { ...environment, AWS_S3_FORCE_PATH_STYLE: "true" } },
      });
      return [placeholder, FunctionArn] as const;
    });
    return Object.fromEntries(await Promise.all(created));
  };

  const childrenOf = async (executionArn: string): Promise<Pick<Execution, "children" | "mostAtOnce">> => {
    const { mapRuns = [] } = await sfn.listMapRuns({ executionArn });
    const lists = await Promise.all(
      mapRuns.map(({ mapRunArn }) => sfn.listExecutions({ mapRunArn, maxResults: 1_000 })),
    );
    const executions = lists.flatMap((list) => list.executions ?? []);
    const children: Record<string, number> = {};
    for (const { status = "" } of executions) children[status] = (children[status] ?? 0) + 1;
    const times = executions.map(({ startDate, stopDate }) => [Number(startDate), Number(stopDate)] as const);
    return { children, mostAtOnce: overlaps(times) };
  };

  const ended = async (executionArn: string) => {
    const deadline = Date.now() + maxWaitMs;
    for (;;) {
      const described = await sfn.describeExecution({ executionArn });
      if (described.status !== "RUNNING") return described;
      if (Date.now() > deadline) throw new Error(`${executionArn} still runs after ${maxWaitMs} ms`);
      await sleep(100);
    }
  };

  const run: MinistackRig["run"] = async (machine, functions, input) => {
    machines += 1;
    const { stateMachineArn } = await sfn.createStateMachine({
      name: `machine-${machines}`,
      definition: JSON.stringify(machine).replaceAll(/\$\{(\w+)\}/g, (_, name: string) => functions[name] ?? name),
      roleArn,
    });
    const name = `run-${machines}`;
    const { executionArn = "" } = await sfn.startExecution({ stateMachineArn, name, input: JSON.stringify(input) });
    const { status = "", error, cause, output } = await ended(executionArn);
    const parsed: unknown = output === undefined ? undefined : JSON.parse(output);
    return { name, status, error, cause, output: parsed, ...(await childrenOf(executionArn)) };
  };

  const stop = async (): Promise<void> => {
    for (const client of [s3, dynamodb, lambda, sfn]) client.destroy();
    await engine.stop();
  };
  return { engine, s3, dynamodb, lambda, sfn, deploy, run, stop };
};
