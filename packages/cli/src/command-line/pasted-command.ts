// Commands that people copy from the output and paste into a shell.

import type { AwsOptions } from "../aws/clients.ts";
import { shellWord } from "./shell-word.ts";

/** A command of Sluice, for a shell. */
export const sluiceCommand = (...words: readonly string[]): string =>
  ["npx", "sluice", ...words].map(shellWord).join(" ");

/** The options that the user gave: the command must reach the same account, region and engine. */
export const awsWords = ({ profile, region, endpointUrl }: AwsOptions): readonly string[] =>
  Object.entries({ profile, region, "endpoint-url": endpointUrl }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  );
