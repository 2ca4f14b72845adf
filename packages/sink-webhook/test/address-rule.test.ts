import type { lookup } from "node:dns";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { type AddressResolver, addressRule, guardedLookup } from "../src/request/address-rule.ts";

const rule = addressRule([], false);

test.each([
  "0.0.0.0",
  "10.0.0.1",
  "100.64.0.1",
  "127.0.0.1",
  "127.255.255.254",
  "169.254.169.254", // Instance metadata of EC2
  "169.254.100.1", // Link-local services in Lambda
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "198.18.0.1",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::127.0.0.1",
  "::ffff:127.0.0.1",
  "::ffff:a00:1",
  "::ffff:169.254.169.254",
  "0:0:0:0:0:FFFF:7F00:1",
  "::ffff:0:127.0.0.1",
  "64:ff9b::7f00:1",
  "64:ff9b::169.254.169.254",
  "64:ff9b:1::1",
  "2002:7f00:1::",
  "2001:0:7f00:1::",
  "3fff::1",
  "5f00::1",
  "fc00::1",
  "fd00:ec2::254", // Instance metadata of EC2
  "fe80::1",
  "fe80::1%eth0",
  "fec0::1",
  "ff02::1",
  "",
  "localhost",
  "no address",
])("%j is refused", (address) => {
  expect(rule(address)).toBe(false);
});

test.each([
  "8.8.8.8",
  "172.32.0.1",
  "100.128.0.1",
  "193.0.0.1",
  "2606:4700::1111",
  "::ffff:8.8.8.8",
  "64:ff9b::808:808",
])("%j is reached", (address) => {
  expect(rule(address)).toBe(true);
});

test("requests reach public and allowed addresses, but no other special addresses", () => {
  const open = addressRule(["10.1.0.0/16", "::1"], false);
  expect(["10.1.2.3", "::ffff:10.1.2.3", "::1", "8.8.8.8", "10.2.0.1", "::2"].filter(open)).toEqual([
    "10.1.2.3",
    "::ffff:10.1.2.3",
    "::1",
    "8.8.8.8",
  ]);
});

test("plain HTTP reaches only allowed addresses", () => {
  expect(["10.1.2.3", "8.8.8.8"].filter(addressRule(["10.1.0.0/16"], true))).toEqual(["10.1.2.3"]);
});

describe("guardedLookup", () => {
  type Lookup = (hostname: string, options: { readonly all: boolean }) => Promise<unknown>;

  const lookupOf = (...addresses: readonly string[]): Lookup => {
    const resolve: AddressResolver = async () =>
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
    return promisify(guardedLookup(resolve, rule) as unknown as typeof lookup) as unknown as Lookup;
  };

  test("returns all addresses or the first address, depending on Node's lookup options", async () => {
    const found = lookupOf("8.8.8.8", "2606:4700::1111");
    expect(await found("a.example", { all: true })).toEqual([
      { address: "8.8.8.8", family: 4 },
      { address: "2606:4700::1111", family: 6 },
    ]);
    expect(await found("a.example", { all: false })).toBe("8.8.8.8");
  });

  test("fails if one of several addresses is refused", async () => {
    const found = lookupOf("8.8.8.8", "10.0.0.1")("a.example", { all: true });
    await expect(found).rejects.toMatchObject({ code: "ADDRESS_REFUSED" });
  });

  test("fails if the name has no address", async () => {
    await expect(lookupOf()("a.example", { all: true })).rejects.toMatchObject({ code: "ENOTFOUND" });
  });
});
