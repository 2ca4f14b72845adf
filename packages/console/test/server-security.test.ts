import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Console, startConsole } from "../src/index.ts";
import { keys, notingHost, queueUrl } from "./server-host.ts";
import { rawRequest, statusOf } from "./server-raw.ts";

const { host, calls } = notingHost();
let server: Console;
let token: string;

beforeAll(async () => {
  server = await startConsole({ host });
  token = new URL(server.url).hash.replace("#token=", "");
});

afterAll(() => server.close());

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(server.origin + path, { headers: { "x-sluice-token": token, ...headers } });

const post = (path: string, headers: Record<string, string>, body = "{}"): Promise<Response> =>
  fetch(server.origin + path, {
    method: "POST",
    body,
    headers: {
      "x-sluice-token": token,
      "content-type": "application/json",
      "idempotency-key": crypto.randomUUID(),
      ...headers,
    },
  });

const codeOf = async (answer: Response): Promise<string> =>
  ((await answer.json()) as { readonly error: { readonly code: string } }).error.code;

test("the address has a token of 32 random bytes, which no request carries", async () => {
  expect(token).toMatch(/^[\w-]{43}$/);
  expect(new URL(server.url).search).toBe("");
  const other = await startConsole({ host });
  expect(other.url).not.toContain(token);
  await other.close();
});

test("listens on 127.0.0.1 only", async () => {
  expect(server.origin).toBe(`http://127.0.0.1:${server.port}`);
  await expect(fetch(`http://[::1]:${server.port}/`)).rejects.toThrow("fetch failed");
});

describe("the Host header", () => {
  const hostsOf = (names: readonly string[]): readonly string[] => names.map((name) => `${name}:${server.port}`);
  const ask = (hostName: string, path = "/api/about"): Promise<string> =>
    rawRequest(server.port, [`GET ${path} HTTP/1.1`, `Host: ${hostName}`, `X-Sluice-Token: ${token}`]);

  test("may be a loopback name with the port", async () => {
    for (const name of hostsOf(["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])) {
      expect([name, statusOf(await ask(name))]).toEqual([name, 200]);
    }
  });

  test("may not be another name: a page whose name points to this machine gets nothing", async () => {
    const others = [
      ...hostsOf(["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil-localhost", "127.0.0.2"]),
      ...hostsOf([
        "0.0.0.0",
        "[::]",
        "[::ffff:127.0.0.1]",
        "127.1",
        "2130706433",
        "localhost.",
        "10.0.0.1",
        "[::1",
        "",
      ]),
      "127.0.0.1",
      "localhost",
      "[::1]",
      "127.0.0.1:1",
      `127.0.0.1:0${server.port}0`,
      `127.0.0.1:${server.port}@evil.example`,
      `evil.example@127.0.0.1:${server.port}`,
      `user:word@localhost:${server.port}`,
      `127.0.0.1:${server.port}/`,
      `127.0.0.1:${server.port}, evil.example`,
      `127.0.0.1:${server.port}#`,
      `127.0.0.1:${server.port}?`,
      `127.0.0.1\\evil.example:${server.port}`,
      `127.0.0.1%00:${server.port}`,
      "evil.example",
      "",
    ];
    for (const name of others) {
      for (const path of ["/api/about", "/", "/page.js"]) {
        const answer = await ask(name, path);
        expect([name, path, statusOf(answer) === 403 || statusOf(answer) === 400]).toEqual([name, path, true]);
        expect(answer).not.toContain("<!doctype");
        expect(answer).not.toContain("orders");
      }
    }
  });

  test("may not be missing or there twice", async () => {
    const own = `Host: 127.0.0.1:${server.port}`;
    const start = "GET /api/about HTTP/1.1";
    const authorized = `X-Sluice-Token: ${token}`;
    expect(statusOf(await rawRequest(server.port, [start, authorized]))).toBe(400);
    expect(statusOf(await rawRequest(server.port, [start, own, "Host: evil.example", authorized]))).toBe(403);
    expect(statusOf(await rawRequest(server.port, [start, "Host: evil.example", own, authorized]))).toBe(403);
    expect(statusOf(await rawRequest(server.port, ["GET /api/about HTTP/1.0", authorized]))).not.toBe(200);
  });

  test("is the one that counts: a request whose target is a whole address is refused", async () => {
    const own = `Host: 127.0.0.1:${server.port}`;
    for (const target of ["http://evil.example/api/about", `http://127.0.0.1:${server.port}/api/about`, "*", "api"]) {
      const answer = await rawRequest(server.port, [`GET ${target} HTTP/1.1`, own, `X-Sluice-Token: ${token}`]);
      expect([target, statusOf(answer) === 403 || statusOf(answer) === 400]).toEqual([target, true]);
    }
  });
});

describe("the token", () => {
  const paths = ["/api/about", "/api/overview", "/api/changes", "/api/live", "/api/runs", "/api/none", "/api/"];

  test("is demanded by every request of the interface, whatever its address is", async () => {
    for (const path of [...paths, `/api/dead-letters?queue=${encodeURIComponent(queueUrl)}`]) {
      for (const wrong of ["", "x", `${token}x`, token.slice(1), token.toUpperCase(), `${token}, ${token}`]) {
        const answer = await get(path, { "x-sluice-token": wrong });
        expect([path, wrong, answer.status, await codeOf(answer)]).toEqual([path, wrong, 401, "TOKEN_WRONG"]);
      }
      expect((await fetch(server.origin + path)).status).toBe(401);
    }
  });

  test("is taken from its header only", async () => {
    for (const query of [`token=${token}`, `x-sluice-token=${token}`]) {
      expect((await fetch(`${server.origin}/api/about?${query}`)).status).toBe(401);
    }
    for (const headers of [
      { authorization: `Bearer ${token}` },
      { cookie: `x-sluice-token=${token}; token=${token}` },
    ]) {
      expect((await fetch(`${server.origin}/api/about`, { headers })).status).toBe(401);
    }
  });

  test("is in no answer", async () => {
    for (const path of ["/", "/page.js", "/api/about", "/api/none"]) {
      const answer = await get(path);
      expect(JSON.stringify([...answer.headers]) + (await answer.text())).not.toContain(token);
    }
  });
});

describe("a page of another site", () => {
  const own = (): string => server.origin;

  test("changes nothing, though it knew the token", async () => {
    const before = calls.length;
    const foreign: readonly Record<string, string>[] = [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: "" },
      { origin: `http://localhost:${server.port}` },
      { origin: `http://127.0.0.1:${server.port + 1}` },
      { origin: `https://127.0.0.1:${server.port}` },
      { origin: `${own()}.evil.example` },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { origin: own(), "sec-fetch-site": "cross-site" },
    ];
    for (const headers of foreign) {
      const answer = await post("/api/dead-letters/drop", headers, JSON.stringify({ queueUrl, ids: ["m-1"] }));
      expect([headers, answer.status, await codeOf(answer)]).toEqual([headers, 403, "ORIGIN_REFUSED"]);
      expect((await get("/api/about", headers)).status).toBe(403);
    }
    expect(calls).toHaveLength(before);
  });

  test("cannot send what a browser sends without asking first", async () => {
    const before = calls.length;
    const simple = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""];
    const others = ["application/jsonp", "text/plain; application/json", "application/json-patch+json"];
    for (const type of [...simple, ...others]) {
      const answer = await post("/api/item", { "content-type": type }, JSON.stringify({ pipeline: "orders", keys }));
      expect([type, answer.status]).toEqual([type, 415]);
    }
    expect(calls).toHaveLength(before);
  });

  test("is given no permission when a browser asks first", async () => {
    for (const path of ["/api/about", "/api/dead-letters/drop", "/"]) {
      const headers = {
        origin: "https://evil.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-sluice-token, content-type",
        "access-control-request-private-network": "true",
      };
      const answer = await fetch(server.origin + path, { method: "OPTIONS", headers });
      expect(answer.ok).toBe(false);
      expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });

  test("the console's own page may, with or without what browsers tell", async () => {
    const own = [{}, { origin: server.origin }, { origin: server.origin, "sec-fetch-site": "same-origin" }];
    for (const headers of [...own, { "sec-fetch-site": "none" }]) {
      const answer = await post("/api/item", headers, JSON.stringify({ pipeline: "orders", keys }));
      expect([headers, answer.status]).toEqual([headers, 200]);
    }
  });
});

test("every answer has the headers that keep other sites away, and none that lets them in", async () => {
  const answers = await Promise.all([
    get("/"),
    get("/page.js"),
    get("/none"),
    get("/api/about"),
    get("/api/none"),
    get("/api/about", { "x-sluice-token": "wrong" }),
    post("/api/item", {}, "no JSON"),
    fetch(`${server.origin}/api/about`, { method: "DELETE" }),
  ]);
  for (const { headers, url } of answers) {
    const policy = headers.get("content-security-policy") ?? "";
    expect([url, policy]).toEqual([url, expect.stringMatching(/^default-src 'none'; script-src 'self';/)]);
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect(headers.get("access-control-allow-origin")).toBeNull();
    expect(headers.get("cache-control")).toMatch(/^(no-store|no-cache)$/);
    expect(headers.get("set-cookie")).toBeNull();
    expect(headers.get("x-powered-by") ?? headers.get("server")).toBeNull();
  }
  expect((await get("/api/about")).headers.get("cache-control")).toBe("no-store");
});

test("no address leads to another file", async () => {
  const targets = [
    "/../package.json",
    "/..%2fpackage.json",
    "/%2e%2e/package.json",
    "/..\\package.json",
    "/page.js/../../../package.json",
    "//etc/passwd",
    "/./../../src/index.ts",
    "/%00page.js",
    "/page.js%00.css",
    "/.env",
    "/index.html/",
    "/node_modules/hono/package.json",
    "/package.json",
    "/PAGE.JS",
    "/__proto__",
    "/constructor.js",
  ];
  for (const target of targets) {
    const answer = await rawRequest(server.port, [`GET ${target} HTTP/1.1`, `Host: 127.0.0.1:${server.port}`]);
    expect([target, [400, 403, 404].includes(statusOf(answer))]).toEqual([target, true]);
    expect(answer).not.toMatch(/@sluice\/console|root:/);
  }
});

test("an attack on the message's borders gets one answer, which does nothing", async () => {
  const before = calls.length;
  const start = ["POST /api/doctor HTTP/1.1", `Host: 127.0.0.1:${server.port}`, "Content-Type: application/json"];
  const inner = `GET /api/about HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nX-Sluice-Token: ${token}\r\n\r\n`;
  const attacks = [
    ["Content-Length: 4", "Transfer-Encoding: chunked"],
    ["Content-Length: 4", "Content-Length: 5"],
    ["Transfer-Encoding: xchunked"],
    ["Content-Length: -1"],
    ["X-Sluice-Token : x"],
  ];
  for (const headers of attacks) {
    const answer = await rawRequest(server.port, [...start, ...headers], `0\r\n\r\n${inner}`);
    expect([headers, statusOf(answer)]).toEqual([headers, 400]);
    expect(answer).not.toContain("orders");
  }
  expect(calls).toHaveLength(before);
});

describe("a console that other machines reach", () => {
  test("must be asked for", async () => {
    for (const address of ["0.0.0.0", "::", "192.168.1.2", "example.com"]) {
      await expect(startConsole({ host, address })).rejects.toThrow(
        expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining('option "address"') }),
      );
    }
    await expect(startConsole({ host, hostNames: ["x"] })).rejects.toThrow('option "hostNames"');
    await expect(startConsole({ host, token: "short" })).rejects.toThrow('option "token"');
    await expect(startConsole({ host, port: 70_000 })).rejects.toThrow('option "port"');
  });

  test("is asked by its addresses and the names that its user gave, and not by other names", async () => {
    const reachable = await startConsole({ host, address: "0.0.0.0", isReachable: true, hostNames: ["dev.box"] });
    const secret = new URL(reachable.url).hash.replace("#token=", "");
    const ask = async (name: string): Promise<number> =>
      statusOf(
        await rawRequest(reachable.port, ["GET /api/about HTTP/1.1", `Host: ${name}`, `X-Sluice-Token: ${secret}`]),
      );
    for (const name of [
      "127.0.0.1:8080",
      "localhost:1",
      "192.168.1.2:4983",
      "[fe80::1]:4983",
      "dev.box",
      "DEV.box:1",
    ]) {
      expect([name, await ask(name)]).toEqual([name, 200]);
    }
    for (const name of ["evil.example", "dev.box.evil.example", "192.168.1.2.evil.example"]) {
      expect([name, await ask(name)]).toEqual([name, 403]);
    }
    expect(reachable.origin).toBe(`http://127.0.0.1:${reachable.port}`);
    await reachable.close();
  });

  test("over IPv6, the loopback address is not another machine", async () => {
    const local = await startConsole({ host, address: "::1" });
    expect(local.origin).toBe(`http://[::1]:${local.port}`);
    const secret = new URL(local.url).hash.replace("#token=", "");
    const answer = await fetch(`${local.origin}/api/about`, { headers: { "x-sluice-token": secret } });
    expect(answer.status).toBe(200);
    await local.close();
  });
});
