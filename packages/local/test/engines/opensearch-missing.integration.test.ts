import { once } from "node:events";
import { chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startOpensearch } from "../../src/index.ts";
import { type Printed, runProgram } from "./run-program.ts";

let bin: string;

beforeAll(async () => {
  bin = await mkdtemp(join(tmpdir(), "sluice-opensearch-path-test-"));
});

afterAll(() => rm(bin, { recursive: true }));

const command = async (name: string, script: string): Promise<void> => {
  await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, name), 0o755);
};

const startWithOnlyThesePrograms = async (...others: string[]): Promise<Printed> => {
  const { child, printed } = await runProgram([...others, "opensearch"], { PATH: bin, XDG_CACHE_HOME: bin });
  child.kill("SIGKILL");
  return printed;
};

describe("OpenSearch that cannot be started", () => {
  test("reports that OPENSEARCH_URL, Maven and Docker are missing", async () => {
    const { code, message } = await startWithOnlyThesePrograms();
    expect(code).toBe("ENGINE_MISSING");
    expect(message).toMatch(/OPENSEARCH_URL \(not set\), by Maven \(not found\) .* and by Docker \(not running\)/);
    expect(message).toContain("with Java 17 or newer (found: ");
  });

  test("is reported together with the other missing engines", async () => {
    const { code, message } = await startWithOnlyThesePrograms("dynamodb");
    expect(code).toBe("ENGINE_MISSING");
    expect(message?.split("\n")).toEqual([
      expect.stringMatching(/^DynamoDB Local needs Java/),
      expect.stringMatching(/^OpenSearch was looked for/),
    ]);
  });

  test("reports that Maven failed", async () => {
    await command("java", `echo 'openjdk version "25.0.1"' >&2`);
    await command("mvn", "echo no such artifact >&2; exit 1");
    expect((await startWithOnlyThesePrograms()).message).toContain("by Maven (failed: Command failed: mvn");
  });

  test("runs in Docker when Maven fails", async () => {
    const server = `require("node:http").createServer((_, to) => to.end()).listen(process.argv[1], "127.0.0.1")`;
    await command(
      "docker",
      `[ "$1" = version ] && exit 0\nport=\${4#127.0.0.1:}\nexec ${process.execPath} -e '${server}' "\${port%:9200}"`,
    );
    expect((await startWithOnlyThesePrograms()).ports).toHaveLength(1);
  });
});

const describeWithOpensearch = await engineOrSkip({ describe, test, afterAll }, async () => {
  const { stop } = await startOpensearch();
  await stop();
  return { stop };
});

const isListening = (port: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(Number(port), "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

describeWithOpensearch("a program with OpenSearch", () => {
  test.each(["SIGKILL", "SIGINT"] as const)(
    "leaves no process and no folder behind when it ends by %s",
    async (signal) => {
      const directory = await mkdtemp(join(tmpdir(), "sluice-opensearch-orphan-test-"));
      const { child, printed } = await runProgram(["opensearch"], { ...process.env, TMPDIR: directory });
      const [port = ""] = printed.ports ?? [];
      expect(await isListening(port)).toBe(true);
      child.kill(signal);
      await once(child, "exit");
      while (await isListening(port)) await sleep(50);
      while ((await readdir(directory)).some((name) => name.startsWith("sluice-"))) await sleep(50);
      await rm(directory, { recursive: true });
    },
  );
});
