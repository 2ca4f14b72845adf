// Finds the decoder compiled for an image's attribute names. Items of a table share a few shapes, and storing
// attributes one by one into an object of a shape that V8 must look up is most of what decoding costs: compiled
// literals are about twice as fast (bench: `decode`). Where code generation is forbidden
// (--disallow-code-generation-from-strings) or shapes are many, images are decoded attribute by attribute.

import type { AttributeValue, Image, UnknownItem } from "./change.ts";

/** Sightings of a shape before it is compiled: compiling costs as much as decoding about 100 items. */
const sightingsToCompile = 32;

/** Bounds what a table of ever-changing attribute names can make us keep. */
const maxShapes = 256;
const maxNodes = 8192;

/** A step of the walk over an image's attribute names; the last step is the image's shape. */
interface Shape {
  readonly next: Map<string, Shape>;
  /** The latest step taken from here: most images repeat it, which saves the Map's look-up. */
  latestName: string | undefined;
  latest: Shape | undefined;
  sightings: number;
  decode: DecodeImage | undefined;
}

export type DecodeImage = (image: Image) => UnknownItem;
/** `nested` decodes the maps within the value. */
export type DecodeValue = (value: AttributeValue, nested: DecodeImage) => unknown;
/** Decodes an image attribute by attribute. */
export type DecodeEach = (image: Image, nested: DecodeImage) => UnknownItem;

const newShape = (): Shape => ({
  next: new Map(),
  latestName: undefined,
  latest: undefined,
  sightings: 0,
  decode: undefined,
});

const mayGenerateCode = (): boolean => {
  try {
    new Function("");
    return true;
  } catch {
    return false;
  }
};

/** Decodes what a value of one type holds. `nested` decodes the maps within it. */
export type DecodeHeld = (held: never, nested: DecodeImage) => unknown;

/** The decoders of the types that compiled code looks for first. */
export type HeldDecoders = Readonly<Record<"N" | "M" | "L" | "SS" | "NS", DecodeHeld>>;

type Inline = (nested: string) => string;

/** What code for a value of that type looks like; every other type, and every misfit, is `d`'s. */
const inline: ReadonlyMap<string, Inline> = new Map<string, Inline>([
  ["S", () => "v.S"],
  ["BOOL", () => "v.BOOL"],
  ["N", () => "N(v.N)"],
  ["M", (nested) => `M(v.M, ${nested})`],
  ["L", (nested) => `L(v.L, ${nested})`],
  ["SS", () => "SS(v.SS)"],
  ["NS", () => "NS(v.NS)"],
]);

/**
 * An object literal with one member per name, each trying first the type that it has in the sample. A computed
 * `["__proto__"]` is an own member; a plain one is not. Each member has a decoder of its own for the maps within it:
 * there one shape follows the other, as in the whole item.
 */
const source = (sample: Image): string => {
  const members = Object.entries(sample).map(([name, value], index) => {
    const text = JSON.stringify(name);
    const member = name === "__proto__" ? `[${text}]` : text;
    const [type = ""] = Object.keys(value ?? {});
    const read = `(v = image[${text}])`;
    const nested = `nested${index}`;
    const held = inline.get(type)?.(nested);
    if (held === undefined) return `${member}: d(${read}, ${nested})`;
    return `${member}: (${read} ?? none).${type} !== undefined ? ${held} : d(v, ${nested})`;
  });
  const decoders = members.map((_, index) => `nested${index}`).join(", ");
  const constants = `const none = {}, { N, M, L, SS, NS } = held, [${decoders}] = nested;`;
  return `${constants} return (image) => { let v; return { ${members.join(", ")} }; };`;
};

/** Makes decoders of images that agree with `decodeEach`, and are faster where they have seen a shape before. */
export const imageDecoders = (
  decodeValue: DecodeValue,
  held: HeldDecoders,
  decodeEach: DecodeEach,
): (() => DecodeImage) => {
  let nodes = 0;
  let compiled = mayGenerateCode() ? 0 : maxShapes;

  const step = (shape: Shape, name: string): Shape | undefined => {
    let next = shape.next.get(name);
    if (next === undefined) {
      if (nodes >= maxNodes) return undefined;
      nodes += 1;
      next = newShape();
      shape.next.set(name, next);
    }
    shape.latestName = name;
    shape.latest = next;
    return next;
  };
  const compile = (sample: Image): DecodeImage => {
    compiled += 1;
    const make = new Function("d", "held", "nested", source(sample));
    return make(decodeValue, held, Object.keys(sample).map(newDecoder)) as DecodeImage;
  };
  const find = (root: Shape, image: Image): DecodeImage | undefined => {
    let shape = root;
    for (const name in image) {
      const next = shape.latestName === name ? shape.latest : step(shape, name);
      if (next === undefined) return undefined;
      shape = next;
    }
    if (shape.decode !== undefined || compiled >= maxShapes) return shape.decode;
    shape.sightings += 1;
    if (shape.sightings >= sightingsToCompile) shape.decode = compile(image);
    return shape.decode;
  };
  const newDecoder = (): DecodeImage => {
    const root = newShape();
    const decode: DecodeImage = (image) => {
      const compiledDecode = find(root, image);
      return compiledDecode === undefined ? decodeEach(image, decode) : compiledDecode(image);
    };
    return decode;
  };
  return newDecoder;
};
