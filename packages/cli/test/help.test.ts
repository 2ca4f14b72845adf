// The help and the README must list the same options.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { runSluice } from "./support/sluice.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");

const flagsIn = (text: string): string[] => [...new Set(text.match(/--[a-z][a-z-]*/g))].sort();

/** The option names in the tables of this section of the README. */
const documented = (heading: string): string[] => {
  const section = readme.slice(readme.indexOf(`## \`sluice ${heading}\``)).split(/\n## /)[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `--"));
  return flagsIn(rows.map((row) => row.replaceAll("\\|", "").split("|")[1]).join(" "));
};

describe("help", () => {
  test.each(["init", "dev", "backfill", "verify", "trace", "doctor", "console", "redrive", "dead-letters"])(
    "of %s names every option, as the README does",
    async (command) => {
      const { code, stdout, stderr } = await runSluice([command, "--help"]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const [, options = ""] = stdout.split("\nOptions:\n");
      const named = options.split("\n").flatMap((line) => /^ {2}(?:-\w, )?(--[a-z-]+)/.exec(line)?.[1] ?? []);
      expect(named.length).toBeGreaterThan(5);
      expect(documented(command)).toEqual(named.sort());
      for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(120);
    },
  );

  test("of redrive names every kind of source", async () => {
    const { stdout } = await runSluice(["redrive", "--help"]);
    const usage = stdout.slice(0, stdout.indexOf("\n\n"));
    for (const place of ["queue URL", "file", "s3://bucket/prefix"]) expect(usage).toContain(place);
  });

  test("names the commands; --version shows the version", async () => {
    expect(await runSluice(["--help"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^ {2}init .*\n {2}dev .*\n {2}backfill .*\n[\s\S]*^ {2}redrive .*\n {2}dead-letters /m,
      ),
    });
    expect(await runSluice(["--version"])).toMatchObject({ code: 0, stdout: `${JSON.parse(manifest).version}\n` });
  });

  test.each([
    [[], "no command is given; expected init, dev, backfill, "],
    [["redirve"], "unknown command redirve; expected init, dev, backfill, "],
    [["--verison"], "unknown option --verison; expected"],
    [["redrive", "q", "--sinks", "a"], "unknown option --sinks; expected one of sluice redrive: --to, --function,"],
    [["init", "a", "b"], 'unexpected argument "b"; expected one folder'],
    [["backfill"], "no pipeline is given; expected its module, such as orders.ts"],
    [["backfill", "orders.ts"], "no source is given; expected --table NAME or --export"],
    [["verify"], "no pipeline is given; expected its module, such as orders.ts"],
    [["verify", "orders.ts"], "--table is missing; expected the name of the table"],
    [["verify", "orders.ts", "--table", "a", "--grace", "1"], '--grace is "1"; expected a span such as 90s or 5m'],
    [["redrive"], "no source is given; expected a queue's URL or a file of envelopes"],
    [["dead-letters"], "no action is given; expected list, show, export, delete"],
    [["dead-letters", "purge"], 'unknown action "purge"; expected list, show, export, delete'],
    [["dead-letters", "list"], "no queue is given; expected its URL"],
    [["dead-letters", "show", "https://q/1/a", ""], "show needs the id of a dead letter, as list shows it"],
    [["dead-letters", "list", "orders"], '"orders" is not the URL of a queue; expected a queue\'s URL'],
    [["dead-letters", "list", "https://q/1/a", "--values"], "--values is an option of show, not of list"],
  ])("%j is wrong usage, and the error is one line", async (args, message) => {
    const { code, stdout, stderr } = await runSluice(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`sluice: ${message}`);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});
