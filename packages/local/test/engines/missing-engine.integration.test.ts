import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { javaMajor } from "../../src/engines/java.ts";
import { runProgram } from "./run-program.ts";

let bin: string;

beforeAll(async () => {
  bin = await mkdtemp(join(tmpdir(), "sluice-path-test-"));
});

afterAll(() => rm(bin, { recursive: true }));

const command = async (name: string, script: string): Promise<void> => {
  await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, name), 0o755);
};

const absent = (name: string): Promise<void> => rm(join(bin, name), { force: true });

const startDynamodbWithOnlyThesePrograms = async (
  env: Readonly<Record<string, string>> = {},
): Promise<{ code?: string; message?: string; ports?: unknown }> => {
  const { child, printed } = await runProgram(["dynamodb"], { PATH: bin, ...env });
  child.kill("SIGKILL");
  return printed;
};

describe("DynamoDB Local", () => {
  test("says in one sentence what to install when Java and Docker are missing", async () => {
    await absent("java");
    expect(await startDynamodbWithOnlyThesePrograms()).toEqual({
      code: "ENGINE_MISSING",
      message:
        "DynamoDB Local needs Java 17 or newer (found: none): install a JDK, start Docker, or set DYNAMODB_ENDPOINT.",
    });
  });

  test("rejects a Java that is too old, and Docker without its daemon", async () => {
    await command("java", `echo 'openjdk version "11.0.2"' >&2`);
    await command("docker", "exit 1");
    const { message } = await startDynamodbWithOnlyThesePrograms();
    expect(message).toContain("found: 11");
  });

  test("prefers the Java of JAVA_HOME to the one on the path", async () => {
    const home = join(bin, "home");
    await mkdir(join(home, "bin"), { recursive: true });
    await command("home/bin/java", `echo 'openjdk version "16.0.1"' >&2`);
    await command("java", `echo 'openjdk version "11.0.2"' >&2`);
    await command("docker", "exit 1");
    const { message } = await startDynamodbWithOnlyThesePrograms({ JAVA_HOME: home });
    expect(message).toContain("found: 16 and 11");
  });

  test("runs in Docker when Java is too old", async () => {
    const server = `require("node:http").createServer((_, to) => to.end()).listen(process.argv[1], "127.0.0.1")`;
    await command(
      "docker",
      `[ "$1" = version ] && exit 0\nport=\${4#127.0.0.1:}\nexec ${process.execPath} -e '${server}' "\${port%:8000}"`,
    );
    expect((await startDynamodbWithOnlyThesePrograms()).ports).toHaveLength(1);
  });
});

describe("engines that are downloaded", () => {
  const messageOf = async (engine: string): Promise<string | undefined> => {
    const { child, printed } = await runProgram([engine], { PATH: bin, XDG_CACHE_HOME: join(bin, "cache") });
    child.kill("SIGKILL");
    expect(printed.code).toBe("ENGINE_MISSING");
    return printed.message;
  };

  test("say what to install when Python and Maven are missing", async () => {
    await absent("java");
    expect(await messageOf("moto")).toBe(
      "moto 5.2.5 needs python3 with venv and pip, and the package index the first time (found: no python3): install them, or set MOTO_URL.",
    );
    expect(await messageOf("ministack")).toBe(
      "ministack 1.5.33 needs python3 with venv and pip, and the package index the first time (found: no python3): install them, or set MINISTACK_URL.",
    );
    expect(await messageOf("elasticmq")).toBe(
      "ElasticMQ needs Maven and Java 17 or newer (found Java: none, Maven: no): install them, or set ELASTICMQ_URL.",
    );
  });

  test("report a failing package index or Maven, and leave no partial download behind", async () => {
    await command("python3", '[ "$1" = -c ] && echo 3.11 && exit 0\nexit 1');
    await command("java", `echo 'openjdk version "17.0.2"' >&2`);
    await command("mvn", "exit 1");
    expect(await messageOf("moto")).toContain("(found: 3.11)");
    expect(await messageOf("ministack")).toContain("(found: 3.11)");
    expect(await messageOf("elasticmq")).toContain("could not be resolved by Maven");
    expect(await readdir(join(bin, "cache", "sluice"))).toEqual([]);
  });
});

describe("a Java version", () => {
  test.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['java version "1.8.0_292"', 8],
    ['openjdk version "25" 2025-09-16', 25],
    ["The operation couldn't be completed. Unable to locate a Java Runtime.", Number.NaN],
  ])("is read from %s", (output, major) => {
    expect(javaMajor(output)).toBe(major);
  });
});

describe("starting several engines", () => {
  test("stops the engines that started when one engine does not start", async () => {
    const temporary = await mkdtemp(join(tmpdir(), "sluice-several-test-"));
    await chmod(temporary, 0o755);
    await absent("java");
    await absent("docker");
    await command("id", `exec /usr/bin/id "$@"`);
    const { child, printed } = await runProgram(["postgres", "dynamodb"], {
      PATH: bin,
      TMPDIR: temporary,
    });
    child.kill("SIGKILL");
    expect(printed.code).toBe("ENGINE_MISSING");
    expect((await readdir(temporary)).filter((name) => name.startsWith("sluice-"))).toEqual([]);
    await rm(temporary, { recursive: true });
  });
});
