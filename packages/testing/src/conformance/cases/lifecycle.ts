// The creation and the closing of a sink: C20.

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

const closingError = (closing: Promise<void>): Promise<string> => closing.then(() => "none", String);

/** The cases of creation and closing. */
export const lifecycleCases: readonly Case[] = [
  {
    id: "C20",
    name: "the factory does no I/O",
    run: async (harness) => expectEqual(harness.requests(), 0, "requests before the first write"),
  },
  {
    id: "C20",
    name: "close may be called twice",
    run: async (harness, table) => {
      await harness.write([table.put("a")]);
      const errors = [await closingError(harness.closeSink()), await closingError(harness.closeSink())];
      expectEqual(errors, ["none", "none"], "errors of closing twice");
    },
  },
  {
    id: "C20",
    name: "a wrong option is rejected by a ConfigError that names the option",
    needs: ["bad-options"],
    run: async (harness) => {
      for (const [option, make] of Object.entries(harness.badOptions)) {
        const error = errorOf(make);
        const code = error instanceof Error && "code" in error ? String(error.code) : "none";
        expectThat(code.startsWith("CONFIG_"), `error code for a wrong ${option}`, code, "CONFIG_INVALID");
        const { message } = error as Error;
        expectThat(message.includes(option), `message for a wrong ${option}`, message, `the name ${option} in it`);
      }
    },
  },
];
