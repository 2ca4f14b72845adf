// Help, and the documentation that must say the same.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { runSluice } from "./support/sluice.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");

const flagsIn = (text: string): string[] => [...new Set(text.match(/--[a-z][a-z-]*/g))].sort();

/** The option names in the tables of one section. */
const documented = (heading: string): string[] => {
  const section = readme.slice(readme.indexOf(`## \`sluice ${heading}\``)).split(/\n## /)[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `--"));
  return flagsIn(rows.map((row) => row.replaceAll("\\|", "").split("|")[1]).join(" "));
};

describe("help", () => {
  test.each(["redrive", "dead-letters"])("of %s names every option, as the README does", async (command) => {
    const { code, stdout, stderr } = await runSluice([command, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [, options = ""] = stdout.split("\nOptions:\n");
    const named = options.split("\n").flatMap((line) => /^ {2}(?:-\w, )?(--[a-z-]+)/.exec(line)?.[1] ?? []);
    expect(named.length).toBeGreaterThan(5);
    expect(documented(command)).toEqual(named.sort());
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(120);
  });

  test("of redrive names every kind of place that it takes", async () => {
    const { stdout } = await runSluice(["redrive", "--help"]);
    const usage = stdout.slice(0, stdout.indexOf("\n\n"));
    for (const place of ["queue URL", "file", "s3://bucket/prefix"]) expect(usage).toContain(place);
  });

  test("names the commands; --version names the version", async () => {
    expect(await runSluice(["--help"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^ {2}redrive .*\n {2}dead-letters /m),
    });
    expect(await runSluice(["--version"])).toMatchObject({ code: 0, stdout: `${JSON.parse(manifest).version}\n` });
  });

  test.each([
    [[], "there is no command; expected redrive or dead-letters"],
    [["redirve"], "there is no command redirve; expected redrive or dead-letters, --help or --version"],
    [["--verison"], "there is no option --verison; expected"],
    [["redrive", "q", "--sinks", "a"], "unknown option --sinks; sluice redrive knows --to, --function,"],
    [["redrive"], "there is nothing to redrive; expected a queue's URL or a file of envelopes"],
    [["dead-letters"], "there is no action; expected list, show, export, drop"],
    [["dead-letters", "purge"], '"purge" is no action; expected list, show, export, drop'],
    [["dead-letters", "list"], "there is no queue; expected its URL"],
    [["dead-letters", "show", "https://q/1/a", ""], "show needs the id of a dead letter, as list has it"],
    [["dead-letters", "list", "orders"], '"orders" is no queue; expected a queue\'s URL'],
    [["dead-letters", "list", "https://q/1/a", "--values"], "--values is an option of show, and means nothing to list"],
  ])("%j is wrong usage, told in one line", async (args, told) => {
    const { code, stdout, stderr } = await runSluice(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`sluice: ${told}`);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});
