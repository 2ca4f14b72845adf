// Compiles decoders for the attribute names of images. Decoding is slow mostly because V8 looks up the object's shape
// for each new attribute. Items of a table share a few shapes, so a compiled object literal is about twice as fast
// (bench: `decode`). If there are too many shapes, or code generation is forbidden by
// --disallow-code-generation-from-strings, attributes are decoded one by one. docs/decisions/0004-compiled-decoders.md.

import type { AttributeValue, Image, UnknownItem } from "./change.ts";

/** A shape is compiled after this many images, because compiling costs as much as decoding about 100 items. */
const imagesToCompile = 32;

/** Maximum number of shapes. Limits the memory for tables whose attribute names keep changing. */
const maxShapes = 256;
const maxNodes = 8192;

/** A node of the tree of attribute names. The node of an image's last name is the image's shape. */
interface ImageShape {
  readonly next: Map<string, ImageShape>;
  /** Name of the child that was used last. Most images continue with this child, so they need no lookup in the Map. */
  latestName: string | undefined;
  latest: ImageShape | undefined;
  images: number;
  decode: DecodeImage | undefined;
}

/** Decodes an image. */
export type DecodeImage = (image: Image) => UnknownItem;
/** Decodes a value. `nested` decodes the maps within it. */
export type DecodeValue = (value: AttributeValue, nested: DecodeImage) => unknown;
/** Decodes an image attribute by attribute. */
export type DecodeEach = (image: Image, nested: DecodeImage) => UnknownItem;

const newShape = (): ImageShape => ({
  next: new Map(),
  latestName: undefined,
  latest: undefined,
  images: 0,
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

/** Decodes the content of a value of one type. `nested` decodes the maps within it. */
export type DecodeContent = (content: never, nested: DecodeImage) => unknown;

/** The decoders of the types that compiled code expects. */
export type ContentDecoders = Readonly<Record<"N" | "M" | "L" | "SS" | "NS", DecodeContent>>;

type Inline = (nested: string) => string;

/**
 * The code that decodes a value of each type. Any attribute may be null, so the code itself decodes NULL. `d` decodes values of
 * all other types, and of unexpected types.
 */
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
 * The code that decodes a value. It expects a value of this type, or null. A null in the sample says nothing about the type
 * of other values, so they are tried in turn.
 */
const codeFor = (type: string, nested: string): string => {
  const orNull = "v.NULL !== undefined ? null : ";
  const attempt = (name: string): string => {
    const decoded = inline.get(name)?.(nested);
    return decoded === undefined ? "" : `v.${name} !== undefined ? ${decoded} : `;
  };
  const attempts = type === "NULL" ? orNull + [...inline.keys()].map(attempt).join("") : attempt(type) + orNull;
  return `${attempts}d(v, ${nested})`;
};

/**
 * Writes an object literal with a member for each name. Each member expects the type that it has in the sample. The
 * computed `["__proto__"]` creates an own member, while a plain `__proto__` does not. Each member has its own decoder
 * for nested maps, because the maps of a member share shapes too.
 */
const source = (sample: Image): string => {
  const members = Object.entries(sample).map(([name, value], index) => {
    const text = JSON.stringify(name);
    const member = name === "__proto__" ? `[${text}]` : text;
    const [type = ""] = Object.keys(value ?? {});
    const code = codeFor(type, `nested${index}`);
    return `${member}: (v = image[${text}] ?? none, ${code})`;
  });
  const decoders = members.map((_, index) => `nested${index}`).join(", ");
  const constants = `const none = {}, { N, M, L, SS, NS } = contents, [${decoders}] = nested;`;
  return `${constants} return (image) => { let v; return { ${members.join(", ")} }; };`;
};

/** Creates image decoders, which return the same as `decodeEach` but are faster for known shapes. */
export const imageDecoders = (
  decodeValue: DecodeValue,
  contents: ContentDecoders,
  decodeEach: DecodeEach,
): (() => DecodeImage) => {
  let nodes = 0;
  let compiled = mayGenerateCode() ? 0 : maxShapes;

  const step = (shape: ImageShape, name: string): ImageShape | undefined => {
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
    const make = new Function("d", "contents", "nested", source(sample));
    return make(decodeValue, contents, Object.keys(sample).map(newDecoder)) as DecodeImage;
  };
  const find = (root: ImageShape, image: Image): DecodeImage | undefined => {
    let shape = root;
    for (const name in image) {
      const next = shape.latestName === name ? shape.latest : step(shape, name);
      if (next === undefined) return undefined;
      shape = next;
    }
    if (shape.decode !== undefined || compiled >= maxShapes) return shape.decode;
    shape.images += 1;
    if (shape.images >= imagesToCompile) shape.decode = compile(image);
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
