// The file that leads a browser to the console.

import { readFile, stat } from "node:fs/promises";
import { expect, test } from "@jest/globals";
import { writeRedirect } from "../../src/terminal/open-browser.ts";

test("only this user can read the address, and it goes with the console", async () => {
  const { path, close } = await writeRedirect("http://127.0.0.1:4000/#token=a&b");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readFile(path, "utf8")).toContain('content="0;url=http://127.0.0.1:4000/#token=a&amp;b"');
  await close();
  await expect(stat(path)).rejects.toThrow("ENOENT");
});
