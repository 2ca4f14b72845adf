// Creates two kinds of items. Orders contain lists, maps and sets, which no film contains. Rarities contain values that
// are rare in practice: binary values, and numbers that a double cannot represent.

import type { PlainItem } from "@sluice/testing";

const lineOf = (order: number, line: number): PlainItem => ({
  sku: `SKU-${(order * 31 + line * 7) % 5000}`,
  quantity: 1 + ((order + line) % 4),
  price: ((order * 97 + line * 131) % 100_000) / 100,
  options: line % 2 === 0 ? { colour: "blue", size: "M" } : null,
});

/** Creates `count` different orders. Every call returns the same orders. */
export const orders = (count: number): PlainItem[] =>
  Array.from({ length: count }, (_, order) => ({
    pk: `CUSTOMER#${order % 997}`,
    sk: `ORDER#${String(order).padStart(8, "0")}`,
    status: order % 3 === 0 ? "shipped" : "open",
    createdAt: 1_767_323_045_000 + order * 1000,
    isGift: order % 11 === 0,
    customer: {
      name: "Ada Lovelace",
      address: { street: "12 St James's Square", city: "London", postcode: "SW1Y 4JH" },
    },
    lines: Array.from({ length: 1 + (order % 5) }, (_line, line) => lineOf(order, line)),
    tags: new Set(["web", `campaign-${order % 17}`]),
    discounts: new Set([order % 10, 10 + (order % 5)]),
  }));

/** Creates `count` different items, each with a binary value and a long number. */
export const rarities = (count: number): PlainItem[] =>
  Array.from({ length: count }, (_, order) => ({
    pk: `CUSTOMER#${order % 997}`,
    sk: `ORDER#${String(order).padStart(8, "0")}`,
    signature: Buffer.from(`signature of order ${order}`),
    tracking: BigInt(order) * 10n ** 15n + 9_007_199_254_740_993n,
  }));
