// Commands in the documentation: the command must accept their arguments.

import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { deadLettersOptions } from "../src/dead-letters/options.ts";
import { redriveOptions } from "../src/redrive/options.ts";

const pages = ["../../../README.md", "../../../docs/runbook.md", "../README.md"];

/** Returns the command lines, with their continuations. Lines with placeholders are usage and not commands. */
const commandsIn = (page: string): string[] =>
  readFileSync(new URL(page, import.meta.url), "utf8")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .flatMap((line) => /^(?:\$ )?(?:npx )?sluice ((?:redrive|dead-letters) .*)$/.exec(line)?.[1] ?? [])
    .filter((command) => !/[<…]/.test(command));

/** Splits a command like a shell. Every variable is a queue's URL. */
const argumentsOf = (command: string): string[] =>
  command
    .split(" ")
    .map((word) => word.replaceAll('"', "").replace(/^\$\w+$/, "https://sqs.us-east-1.amazonaws.com/1/q"));

const commands = pages.flatMap(commandsIn);

test("the documentation contains commands", () => expect(commands.length).toBeGreaterThan(10));

test.each(commands)("sluice %s", (command) => {
  const [name, ...args] = argumentsOf(command);
  const parse = name === "redrive" ? redriveOptions : deadLettersOptions;
  expect(parse(args, Date.now())).toBeDefined();
});
