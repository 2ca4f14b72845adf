// Tests `sluice redrive FILE` with `--to local`, which needs neither a queue nor AWS.

import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { type Envelope, encodeEnvelope } from "@sluice/core/envelope";
import { sumOf } from "./support/bench.ts";
import { deadLetterOf } from "./support/dead-letters.ts";
import { type Ended, runSluice, startSluice } from "./support/sluice.ts";

const handlers = fileURLToPath(new URL("support/handlers.mjs", import.meta.url));

interface Folder {
  readonly file: string;
  /** Writes the file that the command redrives. */
  readonly write: (lines: readonly (Envelope | string)[], end?: string) => Promise<void>;
  readonly redrive: (exportName: string, ...args: string[]) => Promise<Ended>;
  readonly start: (exportName: string, env: NodeJS.ProcessEnv, ...args: string[]) => ReturnType<typeof startSluice>;
  /** Items that the sink received. */
  readonly delivered: () => Promise<string[]>;
}

const withFolder = async (use: (folder: Folder) => Promise<void>): Promise<void> => {
  const path = await mkdtemp(join(tmpdir(), "sluice-file-"));
  const [file, log] = [join(path, "letters.jsonl"), join(path, "delivered")];
  const argsOf = (exportName: string, args: readonly string[]) => [
    "redrive",
    file,
    "--handler",
    `${handlers}#${exportName}`,
    ...args,
  ];
  try {
    await writeFile(log, "");
    await use({
      file,
      write: (lines, end = "\n") =>
        writeFile(file, lines.map((line) => (typeof line === "string" ? line : encodeEnvelope(line)) + end).join("")),
      redrive: (exportName, ...args) => runSluice(argsOf(exportName, args), { env: { DELIVERED: log } }),
      start: (exportName, env, ...args) => startSluice(argsOf(exportName, args), { env: { DELIVERED: log, ...env } }),
      delivered: async () => (await readFile(log, "utf8")).split("\n").slice(0, -1),
    });
  } finally {
    await rm(path, { recursive: true });
  }
};

describe("a redrive of a file", () => {
  test.each(["\n", "\r\n"])("delivers its lines, in order for each item, with the line end %j", (end) =>
    withFolder(async ({ write, redrive, delivered }) => {
      await write(
        [deadLetterOf("b", 2), deadLetterOf("a", 9), deadLetterOf("a", 1, { record: deadLetterOf("a", 1).record })],
        end,
      );
      expect(await redrive("handler", "--to", "local")).toMatchObject({
        code: 0,
        stdout: "3 received = 2 delivered + 1 superseded\n",
      });
      expect((await delivered()).sort()).toEqual(["a 9", "b 2"]);
    }),
  );

  test("accepts other line ends within values, blank lines, and a last line without an end", () =>
    withFolder(async ({ write, redrive, file }) => {
      await write([deadLetterOf("a\u2028b\u2029c"), "", "  "]);
      await appendFile(file, encodeEnvelope(deadLetterOf("b", 2)));
      expect(sumOf(await redrive("handler"))).toBe("2 received = 2 delivered");
    }));

  test("continues where it stopped, because finished lines are listed in a second file and not sent again", () =>
    withFolder(async ({ write, redrive, delivered, file }) => {
      await write([1, 2, 3, 4].map((position) => deadLetterOf(`item ${position}`, position)));
      expect(await redrive("handler", "--max-messages", "2")).toMatchObject({ code: 1 });
      const again = await redrive("handler");
      expect(again).toMatchObject({ code: 0, stdout: "4 received = 2 delivered + 2 already done\n" });
      expect(again.stderr).toContain(`2 lines already done according to ${file}.done`);
      expect(await redrive("handler")).toMatchObject({ code: 0, stdout: "4 received = 4 already done\n" });
      expect(await delivered()).toHaveLength(4);
    }));

  test("continues after a crash during a write of its progress", () =>
    withFolder(async ({ write, redrive, delivered, file }) => {
      await write(Array.from({ length: 12 }, (_, index) => deadLetterOf(`item ${index}`, index + 1)));
      await redrive("handler", "--max-messages", "1");
      const done = await readFile(`${file}.done`, "utf8");
      // Appends `1`, as if the process had been killed after it wrote the first digit of the entry `12`.
      await writeFile(`${file}.done`, `${done}1`);
      await redrive("handler", "--max-messages", "1");
      expect(sumOf(await redrive("handler"))).toBe("12 received = 10 delivered + 2 already done");
      expect(sumOf(await redrive("handler"))).toBe("12 received = 12 already done");
      expect(await delivered()).toHaveLength(12);
      expect(new Set(await delivered()).size).toBe(12);
    }));

  test("does not use the progress of a file with other content", () =>
    withFolder(async ({ write, redrive, file }) => {
      await write([deadLetterOf("a")]);
      await redrive("handler");
      await write([deadLetterOf("b", 2)]);
      const ended = await redrive("handler");
      expect(ended.code).toBe(2);
      expect(ended.stderr).toContain(`${file}.done is the progress of other content of ${file}`);
    }));

  test("counts lines without an envelope, and writes no progress in a dry run", () =>
    withFolder(async ({ write, redrive, file, delivered }) => {
      await write([deadLetterOf("a"), '{"half": ']);
      expect(await redrive("handler", "--dry-run")).toMatchObject({
        code: 1,
        stdout:
          "2 received = 1 would be sent (the target was not asked) + 1 unsupported\n" +
          "  1 unsupported message (no envelope): line 2\n",
      });
      await expect(readFile(`${file}.done`)).rejects.toThrow("ENOENT");
      expect(await delivered()).toEqual([]);
      expect(await redrive("handler")).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/^2 received = 1 delivered \+ 1 unsupported\n/),
      });
    }));

  test("continues after the process was killed", () =>
    withFolder(async ({ write, redrive, start, delivered }) => {
      await write(Array.from({ length: 100 }, (_, index) => deadLetterOf(`item ${index}`, index + 1)));
      const killed = start("handler", {}, "--rate", "5");
      while ((await delivered()).length === 0) await sleep(20);
      killed.child.kill("SIGKILL");
      await killed.ended;
      expect((await delivered()).length).toBeLessThan(100);
      expect(await redrive("handler")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^100 received = /) });
      // The killed process may have delivered up to five messages that it had not yet written to the progress file.
      expect((await delivered()).length).toBeLessThanOrEqual(105);
      expect(new Set(await delivered()).size).toBe(100);
    }));
});

describe("--to local", () => {
  test("calls the named export with a context, and passes on its output", () =>
    withFolder(async ({ write, redrive }) => {
      await write([deadLetterOf("a")]);
      const ended = await redrive("speaking", "--profile", "shop", "--region", "eu-central-1");
      expect(ended).toMatchObject({ code: 0, stdout: "1 received = 1 delivered\n" });
      expect(ended.stderr).toContain("called as sluice-redrive with 15 minutes");
      expect(ended.stderr).toContain("profile shop, region eu-central-1");
    }));

  test("writes the handler's output before its own result", () =>
    withFolder(async ({ write, file }) => {
      await write([deadLetterOf("a")]);
      const args = ["redrive", file, "--handler", `${handlers}#lingering`, "--dry-run"];
      const { stdout } = await runSluice(args, { env: { DELIVERED: "/dev/null" }, isMerged: true });
      expect(stdout).toMatch(/last words\n1 received = 1 would be sent \(the target was not asked\)\n$/);
    }));

  test("lets the handler log warnings, unless POWERTOOLS_LOG_LEVEL is set", () =>
    withFolder(async ({ write, start }) => {
      await write([deadLetterOf("a")]);
      const output = async (level: string | undefined) =>
        (await start("speaking", { POWERTOOLS_LOG_LEVEL: level }, "--dry-run").ended).stderr;
      expect(await output(undefined)).toContain("logs from WARN on");
      expect(await output("DEBUG")).toContain("logs from DEBUG on");
    }));

  test.each([
    ["absent", /it exports no function absent, but .*handler, .*expected the name of an exported function after a #/],
    ["nothing", /it exports no function nothing/],
  ])("refuses the export %s", (name, output) =>
    withFolder(async ({ write, redrive }) => {
      await write([deadLetterOf("a")]);
      expect(await redrive(name)).toMatchObject({ code: 2, stderr: expect.stringMatching(output) });
    }),
  );

  test("refuses a function that is not a pipeline's handler, and delivers nothing", () =>
    withFolder(async ({ write, redrive }) => {
      await write([deadLetterOf("a")]);
      const ended = await redrive("hello");
      expect(ended).toMatchObject({ code: 2, stdout: expect.stringMatching(/^1 received = 1 not sent\n/) });
      expect(ended.stderr).toMatch(
        /the function's answer has no outcomes; expected the answer of a Sluice pipeline's handler$/m,
      );
    }));

  test.each([
    ["dying", /1 to be retried, FUNCTION_FAILED: its process ended with exit code 3/],
    ["quoting", /1 to be retried, FUNCTION_FAILED: TypeError; its text is withheld/],
  ])("isolates the message on which the handler %s fails", (name, output) =>
    withFolder(async ({ write, redrive, delivered }) => {
      const names = ["a", "b", "deadly", "d", "e", "f", "g"];
      await write(names.map((item, index) => deadLetterOf(item, index + 1)));
      const ended = await redrive(name);
      expect(sumOf(ended)).toBe("7 received = 6 delivered + 1 to be retried");
      expect(ended).toMatchObject({ code: 1, stdout: expect.stringMatching(output) });
      expect(ended.stdout + ended.stderr).not.toContain("secret");
      expect(await delivered()).toHaveLength(6);
    }),
  );

  test("ends when the function fails for every message", () =>
    withFolder(async ({ write, redrive }) => {
      await write(Array.from({ length: 40 }, (_, index) => deadLetterOf(`deadly ${index}`, index + 1)));
      const ended = await redrive("quoting");
      expect(sumOf(ended)).toBe("40 received = 6 to be retried + 34 not sent");
      expect(ended).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^sluice: the function is broken: 16 requests in a row failed: TypeError/m),
      });
    }));
});
