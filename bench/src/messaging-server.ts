// SNS and SQS in a process of their own, so that the target's work is not the contender's.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname } from "node:path";

/** A server for SNS and SQS. */
export interface MessagingServer {
  readonly clientConfig: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
    readonly maxAttempts: 1;
  };
  readonly stop: () => Promise<void>;
}

/** It ends when its parent does, because standard input ends then. */
const program = `
import { buildApp } from "fauxqs";
const app = buildApp({ logger: false, defaultRegion: "us-east-1" });
console.log(await app.listen({ host: "127.0.0.1", port: 0 }));
process.stdin.resume().on("end", () => process.exit());
`;

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null) return;
  const exited = once(child, "exit");
  child.stdin?.end();
  await exited;
};

/** Starts fauxqs on a free loopback port, empty. */
export const startMessagingServer = async (): Promise<MessagingServer> => {
  // fauxqs is what @sluice/local depends on, so it is looked for from there.
  const cwd = dirname(createRequire(import.meta.url).resolve("@sluice/local/package.json"));
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    cwd,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return {
    clientConfig: {
      endpoint: line.toString().trim(),
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
      maxAttempts: 1,
    },
    stop: () => end(child),
  };
};
