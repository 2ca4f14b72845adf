// A `sluice dev` with a project of a user: one pipeline to Postgres, DynamoDB and SQS.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import type { About } from "@sluice/console";
import pg from "pg";
import { until } from "./until.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The module. `columns` are further columns of the row, `routes` further routes. */
export const ordersModule = ({ columns = "", routes = "" } = {}): string => `
import { pipeline, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import { dynamodbSink } from "@sluice/sink-dynamodb";
import { postgresSink } from "@sluice/sink-postgres";
import { sqsSink } from "@sluice/sink-sqs";

interface Order {
  readonly id: string;
  readonly total: number;
}

const required = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(name + " is missing");
  return value;
};

export const rows = postgresSink({
  connection: { connectionString: required("DATABASE_URL") },
  table: "orders",
  key: ["id"],
  columns: { id: "text", customer: "text", total: "numeric"${columns} },
});
export const copies = dynamodbSink({ table: required("TARGET_TABLE"), name: "copies" });
const events = sqsSink({ queueUrl: required("EVENTS_QUEUE_URL"), name: "events" });

export const orders = pipeline<Order>("orders", {
  source: "orders",
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
  retryQueue: sqsRetryQueue({ queueUrl: required("RETRY_QUEUE_URL") }),
})
  .to(rows)
  .to(copies, ({ after }) => ({ ...after }))
  .to(events, ({ after }) => ({ body: { id: after?.id } }), { dedupe: "none", retryIn: "stream" })${routes};
`;

/** A running \`sluice dev\`. */
export interface DevProcess {
  readonly folder: string;
  /** The address of the console, with its token. */
  readonly url: string;
  readonly dynamodb: DynamoDB;
  readonly postgres: pg.Client;
  readonly output: () => string;
  /** Writes the module as an editor does: another file takes its name. */
  readonly edit: (text: string) => Promise<void>;
  /** As Ctrl-C. Resolves with the exit code. */
  readonly interrupt: () => Promise<number | null>;
  readonly stop: () => Promise<void>;
}

const aboutOf = async (url: string): Promise<About> => {
  const { origin, hash } = new URL(url);
  const headers = { "x-sluice-token": hash.replace("#token=", "") };
  const answer = await fetch(`${origin}/api/about`, { headers });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as About;
};

/** Finds an address in the lines to paste: a user's own clients work with them. */
const pasted = (about: About, pattern: RegExp): string => {
  const commands = about.engines.flatMap(({ lines }) => lines.map(({ command }) => command));
  const found = commands.map((command) => pattern.exec(command)?.[1]).find((text) => text !== undefined);
  if (found === undefined) throw new Error(`no line to paste has ${pattern}:\n${commands.join("\n")}`);
  return found;
};

const seedItems = (count: number): string =>
  Array.from({ length: count }, (_, index) =>
    JSON.stringify({ id: `s-${index}`, customer: `c-${index}`, total: index }),
  ).join("\n");

const started = async (child: ChildProcessWithoutNullStreams, output: () => string): Promise<string> =>
  until(
    () => {
      if (child.exitCode !== null) throw new Error(`sluice dev ended with ${child.exitCode}:\n${output()}`);
      return /^Console: (\S+)$/m.exec(output())?.[1];
    },
    `the address of the console:\n${output()}`,
    150_000,
  );

/** Starts \`sluice dev\` on a folder of its own, with so many items as its seed. */
export const startDevProcess = async (seed: number): Promise<DevProcess> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-console-test-"));
  const path = join(folder, "orders.ts");
  const edit = async (text: string): Promise<void> => {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  };
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  await mkdir(join(folder, ".sluice"), { recursive: true });
  await edit(ordersModule());
  await writeFile(join(folder, "seed.ndjson"), seedItems(seed));
  const command = [join(root, "packages/cli/bin/sluice.js"), "dev", "orders.ts", "--seed", "seed.ndjson"];
  const child = spawn(process.execPath, command, { cwd: folder });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (part) => {
      output += part;
    });
  }
  const interrupt = async (): Promise<number | null> => {
    if (child.exitCode !== null) return child.exitCode;
    const ended = once(child, "exit");
    child.kill("SIGINT");
    const [code] = await ended;
    return code;
  };
  try {
    const url = await started(child, () => output);
    const about = await until(async () => {
      const now = await aboutOf(url);
      return now.pipelines.some(({ routes }) => routes.length > 0) ? now : undefined;
    }, "the routes of the pipeline");
    const dynamodb = new DynamoDB({
      endpoint: pasted(about, /--endpoint-url (\S+) dynamodb /),
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    });
    const postgres = new pg.Client(pasted(about, /psql ["']?(postgres(?:ql)?:\/\/[^\s"']+)/));
    // Postgres is stopped before the client at the end.
    postgres.on("error", () => undefined);
    await postgres.connect();
    return {
      folder,
      url,
      dynamodb,
      postgres,
      output: () => output,
      edit,
      interrupt,
      stop: async () => {
        dynamodb.destroy();
        await postgres.end().catch(() => undefined);
        await interrupt();
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await interrupt();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
};

/** The text of the newest file below a folder whose name matches. */
export const fileBelow = async (folder: string, name: RegExp): Promise<string> => {
  const names = await readdir(folder, { recursive: true });
  const found = names
    .filter((one) => name.test(one) && !one.startsWith("node_modules"))
    .sort()
    .at(-1);
  if (found === undefined) throw new Error(`no file ${name} in ${names.join(", ")}`);
  return readFile(join(folder, found), "utf8");
};
