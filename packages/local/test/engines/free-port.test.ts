import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "@jest/globals";
import { freePort } from "../../src/index.ts";

test("a free port is none that the system gives to servers that ask for any, and can be used again and again", async () => {
  for (let count = 0; count < 100; count += 1) {
    const port = await freePort();
    expect(port).toBeGreaterThanOrEqual(10_000);
    expect(port).toBeLessThan(32_000);
    for (let start = 0; start < 2; start += 1) {
      const server = createServer().listen(port, "127.0.0.1");
      await once(server, "listening");
      server.close();
      await once(server, "close");
    }
  }
});
