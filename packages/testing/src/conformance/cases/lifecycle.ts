// How a sink is made and closed: C20.

import { specimenTable } from "../../records/specimen.ts";
import type { Case } from "../case.ts";
import { expectEqual, expectThat } from "../expectation.ts";

const errorOf = (make: () => unknown): unknown => {
  try {
    make();
  } catch (error) {
    return error;
  }
  return undefined;
};

const problemOf = (closing: Promise<void>): Promise<string> => closing.then(() => "none", String);

export const lifeCases: readonly Case[] = [
  {
    id: "C20",
    name: "the factory does no I/O",
    run: async (bench) => expectEqual(bench.requests(), 0, "requests before the first write"),
  },
  {
    id: "C20",
    name: "close may be called twice, before and after use",
    run: async (bench) => {
      await bench.write([specimenTable().put("a")]);
      const problems = [await problemOf(bench.closeSink()), await problemOf(bench.closeSink())];
      expectEqual(problems, ["none", "none"], "problems of closing twice");
    },
  },
  {
    id: "C20",
    name: "a wrong option is refused by a ConfigError that names it",
    needs: ["bad-options"],
    run: async (bench) => {
      for (const [option, make] of Object.entries(bench.badOptions)) {
        const error = errorOf(make);
        const code = error instanceof Error && "code" in error ? String(error.code) : "none";
        expectThat(code.startsWith("CONFIG_"), `error code for a wrong ${option}`, code, "CONFIG_INVALID");
        const { message } = error as Error;
        expectThat(message.includes(option), `message for a wrong ${option}`, message, `the name ${option} in it`);
      }
    },
  },
];
