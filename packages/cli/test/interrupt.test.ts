import { getMaxListeners } from "node:events";
import { expect, test } from "@jest/globals";
import { watchInterrupts } from "../src/terminal/interrupt.ts";

test("many requests in flight may listen to the signal without a warning of a leak", () => {
  const { signal, release } = watchInterrupts(() => undefined);
  release();
  expect(getMaxListeners(signal)).toBe(0);
});
