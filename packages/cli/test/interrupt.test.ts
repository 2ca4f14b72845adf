// The signal of Ctrl-C goes to every request in flight. Node's warning of a leak would stand in the middle of a report.

import { execFileSync } from "node:child_process";
import { expect, test } from "@jest/globals";

const program = `
import { watchInterrupts } from "${new URL("../dist/terminal/interrupt.js", import.meta.url)}";
process.on("warning", ({ name }) => console.log(name));
const { signal, release } = watchInterrupts(() => undefined);
release();
for (let count = 0; count < 20; count += 1) signal.addEventListener("abort", () => undefined);
`;

test("twenty requests may listen to the signal without a warning", () => {
  const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" });
  expect(printed).toBe("");
});
