// The addresses that the sink may connect to. A name's addresses are checked in the connection's own lookup, because a
// DNS server could answer a separate check with different addresses.

import { lookup as systemLookup } from "node:dns/promises";
import { BlockList, isIP, isIPv4, type LookupFunction } from "node:net";

/** One address of a host name. */
export interface ResolvedAddress {
  readonly address: string;
  /** 4 or 6. */
  readonly family: number;
}

/** Resolves a host name to all of its addresses. */
export type AddressResolver = (hostname: string) => Promise<readonly ResolvedAddress[]>;

/** Whether the sink may connect to the address. */
export type AddressRule = (address: string) => boolean;

/** The error for a host name with an address that the sink must not connect to. */
export class AddressRefusedError extends Error {
  override name = "AddressRefusedError";
  readonly code: "ADDRESS_REFUSED" = "ADDRESS_REFUSED";
}

/**
 * Networks that are not the public internet. The metadata services of Lambda and EC2 have link-local addresses.
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry (read 2026-11-23)
 */
const specialNetworks: readonly string[] = [
  "0.0.0.0/8", // this network
  "10.0.0.0/8", // private
  "100.64.0.0/10", // carrier-grade NAT
  "127.0.0.0/8", // loopback
  "169.254.0.0/16", // link-local
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocol assignments
  "192.0.2.0/24", // documentation
  "192.88.99.0/24", // 6to4 relays
  "192.168.0.0/16", // private
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, and broadcast
  "::/96", // unspecified, loopback, and IPv4 in an obsolete form
  "::ffff:0:0:0/96", // IPv4 in a translated form
  "64:ff9b:1::/48", // local NAT64
  "100::/64", // discarded
  "2001::/23", // Teredo and other protocol assignments
  "2001:db8::/32", // documentation
  "2002::/16", // 6to4, which embeds an IPv4 address
  "3fff::/20", // documentation
  "5f00::/16", // segment routing
  "fc00::/7", // unique local
  "fe80::/10", // link-local
  "fec0::/10", // site-local
  "ff00::/8", // multicast
];

const familyOf = (address: string): "ipv4" | "ipv6" => (isIPv4(address) ? "ipv4" : "ipv6");

/** @throws {Error} if an entry is neither an address nor a network such as `10.0.0.0/8`. */
const blockListOf = (entries: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = "", prefix] = entry.split("/");
    if (isIP(address) === 0) throw new Error(`${entry} is neither an address nor a network such as 10.0.0.0/8`);
    if (prefix === undefined) list.addAddress(address, familyOf(address));
    else if (/^\d{1,3}$/.test(prefix)) list.addSubnet(address, Number(prefix), familyOf(address));
    else throw new Error(`${entry} has no prefix length after the slash`);
  }
  return list;
};

const special = blockListOf(specialNetworks);

/** Returns the IPv4 address behind an IPv6 address of NAT64; undefined for any other address. */
const behindNat64 = (address: string): string | undefined => {
  if (isIPv4(address) || !URL.canParse(`http://[${address}]`)) return undefined;
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(":");
  if (groups[0] !== "64" || groups[1] !== "ff9b" || groups[2] !== "") return undefined;
  const [high = 0, low = 0] = groups.slice(-2).map((group) => Number.parseInt(group || "0", 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
};

/**
 * Returns the rule of a sink. `allowed` lists special addresses and networks that the sink may also connect to. Plain
 * HTTP may connect only to the addresses in `allowed`.
 * @throws {Error} if an entry is neither an address nor a network.
 */
export const addressRule = (allowed: readonly string[], isPlain: boolean): AddressRule => {
  const exceptions = blockListOf(allowed);
  return (given) => {
    const [bare = ""] = given.split("%"); // fe80::1%eth0
    if (isIP(bare) === 0) return false;
    const address = behindNat64(bare) ?? bare;
    if (exceptions.check(address, familyOf(address))) return true;
    return !isPlain && !special.check(address, familyOf(address));
  };
};

/** The machine's resolver. */
export const systemResolver: AddressResolver = (hostname) => systemLookup(hostname, { all: true });

/** Creates a connection's lookup. The lookup fails if the rule refuses any address, even if others are public. */
export const guardedLookup =
  (resolve: AddressResolver, rule: AddressRule): LookupFunction =>
  (hostname, options, callback) => {
    const answer = async (): Promise<readonly ResolvedAddress[]> => {
      const addresses = await resolve(hostname);
      if (addresses.length === 0) throw Object.assign(new Error("the name has no address"), { code: "ENOTFOUND" });
      if (addresses.every(({ address }) => rule(address))) return addresses;
      throw new AddressRefusedError(
        "the name resolves to a private, loopback, link-local or otherwise special address",
      );
    };
    answer().then(
      (addresses) => {
        if (options.all) return callback(null, [...addresses]);
        const [{ address, family } = { address: "", family: 0 }] = addresses;
        return callback(null, address, family);
      },
      (error: NodeJS.ErrnoException) => callback(error, "", 0),
    );
  };
