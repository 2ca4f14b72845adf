// Measures how fast parsed images are decoded to native values, and compares the result with the SDK's unmarshall.

import { unmarshall } from "@aws-sdk/util-dynamodb";
import { decodeImage, type Image, toJson } from "@sluice/core/sink-kit";
import { type PlainItem, toImage } from "@sluice/testing";
import { batched, filmsUpTo } from "../films.ts";
import { table } from "../markdown.ts";
import { orders, rarities } from "../orders.ts";
import { type Contender, compete, type Times } from "../rounds.ts";
import { median, rounded, spread } from "../statistics.ts";
import type { Figures, Suite } from "../suite.ts";

const corpora = ["films", "orders", "rarities"] as const;
type Corpus = (typeof corpora)[number];
/** Batches of images, as JSON. */
type Texts = Readonly<Record<Corpus, readonly string[]>>;

const textsOf = (items: readonly PlainItem[], batchSize: number): string[] =>
  batched(items.map(toImage), batchSize).map((images) => JSON.stringify(images));

const parse = (text: string): Image[] => JSON.parse(text) as Image[];

type Unmarshallable = Parameters<typeof unmarshall>[0];

const decoders: Readonly<Record<"sluice" | "unmarshall", (image: Image) => unknown>> = {
  sluice: decodeImage,
  unmarshall: (image) => unmarshall(image as Unmarshallable),
};

/**
 * Compares the decoded values as JSON. @throws if they differ, because a comparison of decoders needs equal work
 */
const assertSameValues = (texts: Texts): void => {
  for (const corpus of corpora) {
    const images = texts[corpus].flatMap(parse);
    const different = images.findIndex(
      (image) => toJson(decoders.sluice(image)) !== toJson(decoders.unmarshall(image)),
    );
    if (different >= 0)
      throw new Error(`decode: image ${different} of ${corpus} differs from the result of unmarshall`);
  }
};

const contender = (name: keyof typeof decoders, texts: Texts): Contender<Corpus> => ({
  name,
  prepare: (corpus, batch) => {
    const decode = decoders[name];
    const undecoded = parse(texts[corpus][batch] ?? "");
    const decoded: unknown[] = new Array(undecoded.length);
    return () => {
      for (const [index, image] of undecoded.entries()) decoded[index] = decode(image);
    };
  },
});

/**
 * Returns the median time for films and orders together. Rarities are left out, because `unmarshall` does less work for
 * them: it does not decode their binary values.
 */
const overall = (times: Times<Corpus>, name: string): number =>
  median(times.of(name, "films").map((ms, round) => ms + (times.of(name, "orders")[round] ?? 0)));

const figuresOf = (times: Times<Corpus>): Figures => ({
  "decode/vs-unmarshall": rounded(overall(times, "unmarshall") / overall(times, "sluice")),
  ...Object.fromEntries(
    corpora.map((corpus) => [
      `decode/${corpus}/vs-unmarshall`,
      rounded(times.median("unmarshall", corpus) / times.median("sluice", corpus)),
    ]),
  ),
});

/** The suite that compares decoding with unmarshall. */
export const decodeSuite: Suite = {
  name: "decode",
  run: async ({ rounds, batchSize, batches }) => {
    const count = batchSize * batches;
    const texts: Texts = {
      films: textsOf(await filmsUpTo(count), batchSize),
      orders: textsOf(orders(count), batchSize),
      rarities: textsOf(rarities(count), batchSize),
    };
    assertSameValues(texts);
    const names = ["sluice", "unmarshall"] as const;
    const times = await compete(
      names.map((name) => contender(name, texts)),
      { mixes: corpora, batches, rounds, warmups: 5 },
    );
    const rows = names.map((name) => [
      name,
      ...corpora.flatMap((corpus) => [
        rounded((1000 * times.median(name, corpus)) / count),
        spread(times.of(name, corpus)),
      ]),
    ]);
    const head = ["", ...corpora.flatMap((corpus) => [`${corpus}, µs an item`, "rounds"])];
    const lines = [`${rounds} rounds of ${count} images of each kind`, "", ...table(head, rows)];
    return { figures: figuresOf(times), goals: { "decode/vs-unmarshall": { atLeast: 3.5 } }, lines };
  },
};
