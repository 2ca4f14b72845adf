import { createServer } from "node:net";
import { expect, test } from "@jest/globals";
import { closeServer, freePort, listen } from "../../src/engines/free-port.ts";

test("a server can listen on a free port again and again, and the system gives the port to no other server", async () => {
  for (let count = 0; count < 100; count += 1) {
    const port = await freePort();
    expect(port).toBeGreaterThanOrEqual(10_000);
    expect(port).toBeLessThan(32_000);
    for (let start = 0; start < 2; start += 1) {
      const server = createServer();
      expect(await listen(server, port)).toBe(port);
      await closeServer(server);
    }
  }
});
