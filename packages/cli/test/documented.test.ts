// The `sluice` command must accept the arguments of every command line in the documentation.

import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { backfillOptions } from "../src/backfill/options.ts";
import { consoleOptions } from "../src/console/options.ts";
import { deadLettersOptions } from "../src/dead-letters/options.ts";
import { devOptions } from "../src/dev/options.ts";
import { doctorOptions } from "../src/doctor/options.ts";
import { initOptions } from "../src/init/options.ts";
import { redriveOptions } from "../src/redrive/options.ts";
import { verifyOptions } from "../src/verify/options.ts";

const parsers = {
  init: initOptions,
  dev: devOptions,
  backfill: backfillOptions,
  verify: verifyOptions,
  doctor: doctorOptions,
  console: consoleOptions,
  redrive: redriveOptions,
  "dead-letters": deadLettersOptions,
};

const pages = [
  "../../../README.md",
  "../../../docs/runbook.md",
  "../../../docs/doctor.md",
  "../README.md",
  "../../backfill/README.md",
  "../../../docs/changing-a-mapping.md",
  "../../../docs/getting-started.md",
];

const commandLine =
  /^(?:\$ )?(?:npx )?(?:sluice|@sluice\/cli|node packages\/cli\/bin\/sluice\.js) ((?:init|dev|backfill|verify|doctor|console|redrive|dead-letters) .*)$/;

/** Returns the page's command lines, with their continuation lines. Omits command lines with placeholders. */
const commandsIn = (page: string): string[] =>
  readFileSync(new URL(page, import.meta.url), "utf8")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .flatMap((line) => commandLine.exec(line.replace(/ +# .*| > .*/, ""))?.[1] ?? [])
    .filter((command) => !/[<…[]/.test(command));

/** Splits a command line into arguments, like a shell. Replaces every shell variable with the URL of a queue. */
const argumentsOf = (command: string): string[] =>
  command
    .split(" ")
    .map((word) => word.replaceAll('"', "").replace(/^\$\w+$/, "https://sqs.us-east-1.amazonaws.com/1/q"));

const commands = pages.flatMap(commandsIn);

test("the documentation contains commands", () => expect(commands.length).toBeGreaterThan(10));

test.each(commands)("sluice %s", (command) => {
  const [name, ...args] = argumentsOf(command);
  const parse = parsers[name as keyof typeof parsers];
  expect(parse(args, Date.now())).toBeDefined();
});
