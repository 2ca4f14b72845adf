import { once } from "node:events";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startDynamodb } from "../../src/index.ts";
import { runProgram } from "./run-program.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

const isListening = (port: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(Number(port), "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

const until = async (condition: () => Promise<boolean>): Promise<void> => {
  while (!(await condition())) await sleep(50);
};

/** Creates a folder that all accounts can enter, because Postgres does not run under the account of this test. */
const openDirectory = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-orphan-test-"));
  await chmod(directory, 0o755);
  return directory;
};

describeWithDynamodb("a program with engines", () => {
  test.each(["SIGKILL", "SIGINT", "SIGTERM"] as const)(
    "leaves no process and no folder behind when it ends by %s",
    async (signal) => {
      const directory = await openDirectory();
      const { child, printed } = await runProgram(["postgres", "dynamodb"], { ...process.env, TMPDIR: directory });
      const ports = printed.ports ?? [];
      expect(await Promise.all(ports.map(isListening))).toEqual([true, true]);
      child.kill(signal);
      await once(child, "exit");
      await until(async () => !(await Promise.all(ports.map(isListening))).includes(true));
      await until(async () => (await readdir(directory)).every((name) => !name.startsWith("sluice-")));
      await rm(directory, { recursive: true });
    },
  );

  test("leaves no folder behind when it ends while its Postgres is killed", async () => {
    const directory = await openDirectory();
    const { child } = await runProgram(["postgres", "killed"], { ...process.env, TMPDIR: directory });
    const names = await readdir(directory);
    expect(names.filter((name) => name.startsWith("sluice-"))).toHaveLength(1);
    child.kill("SIGINT");
    await once(child, "exit");
    await until(async () => (await readdir(directory)).every((name) => !name.startsWith("sluice-")));
    await rm(directory, { recursive: true });
  });
});
