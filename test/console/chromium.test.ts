// The harness itself: Chromium starts, asks no other machine, and notes what a page does.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip } from "@sluice/local";
import { startChromium } from "./chromium.ts";
import { until } from "./until.ts";

const describeWithChromium = await engineOrSkip({ describe, test, afterAll }, () =>
  startChromium({ hosts: ["evil.test"] }),
);

const html = `<!doctype html><title>page</title><script src="http://example.com/x.js"></script><img src="http://8.8.8.8/x">
<p>loaded</p><script src="/own.js"></script>`;

describeWithChromium("Chromium of the tests", (chromium) => {
  test("reaches this machine only, and notes requests, messages and violations of the policy", async () => {
    const server = createServer((request, response) => {
      response.setHeader(
        "content-security-policy",
        "script-src 'self' http://example.com; img-src *; style-src 'none'",
      );
      if (request.url !== "/own.js") return response.setHeader("content-type", "text/html").end(html);
      response.setHeader("content-type", "text/javascript");
      return response.end(`console.log("hello"); document.body.innerHTML += "<style>p { color: red }</style>";`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const { page, record, close } = await chromium.show();
    try {
      await page.goto(`http://evil.test:${port}/`);
      expect(await page.getByText("loaded").count()).toBe(1);
      expect(new Set(record.foreign)).toEqual(new Set(["http://example.com/x.js", "http://8.8.8.8/x"]));
      expect(record.messages).toContain("hello");
      expect(record.errors.join("\n")).toContain("ERR_NAME_NOT_RESOLVED");
      await until(() => record.violations.join("\n").includes("style-src-elem inline"));
    } finally {
      await close();
      server.close();
    }
  });
});
