// Runs SNS and SQS in a separate process, so that the CPU time of the server does not count as time of the contender.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A running server for SNS and SQS. */
export interface MessagingServer {
  readonly clientConfig: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
    readonly maxAttempts: 1;
  };
  /** The client configuration as environment variables. A client that a sink creates reads these variables. */
  readonly environment: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}

/**
 * The code of the server process. The process exits when its standard input ends, because its parent has then exited.
 */
const program = `
import { startSqs } from "@sluice/local";
const { endpoint } = await startSqs();
console.log(endpoint);
process.stdin.resume().on("end", () => process.exit());
`;

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null) return;
  const exited = once(child, "exit");
  child.stdin?.end();
  await exited;
};

/** Starts fauxqs, an emulator of SNS and SQS, on a free port of 127.0.0.1. It starts without topics and queues. */
export const startMessagingServer = async (): Promise<MessagingServer> => {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: fileURLToPath(new URL(".", import.meta.url)),
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const endpoint = line.toString().trim();
  return {
    clientConfig: {
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
      maxAttempts: 1,
    },
    environment: {
      AWS_ENDPOINT_URL_SNS: endpoint,
      AWS_ENDPOINT_URL_SQS: endpoint,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
    },
    stop: () => end(child),
  };
};
