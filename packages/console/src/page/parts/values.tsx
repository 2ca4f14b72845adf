// Values of items. No value is asked for, or in the page, before a click, and none stays after `Hide again`.

import type { Image } from "@sluice/core/sink-kit";
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { imageNodes, type MemberPair, memberPairs, plainNodes, type ValueNode } from "./value-tree.ts";
import "./values.css";

const shortLength = 600;
const shortCount = 100;

const LongText = ({ text }: { readonly text: string }) => {
  const [isWhole, setWhole] = useState(false);
  if (isWhole || text.length <= shortLength) return <>{text}</>;
  return (
    <>
      {text.slice(0, shortLength)}…{" "}
      <button type="button" class="link" onClick={() => setWhole(true)}>
        show all {text.length.toLocaleString("en")} characters
      </button>
    </>
  );
};

const Leaf = ({ type, text = "" }: ValueNode) => (
  <span class={`value value-${type.split(",")[0]}`} title={type}>
    <LongText text={text} />
  </span>
);

const emptyOf = (type: string): string => (type === "map" ? "{ }" : type === "list" ? "[ ]" : "empty");

const Inner = ({ node }: { readonly node: ValueNode }) => {
  const { type, children } = node;
  if (children === undefined) return <Leaf {...node} />;
  if (children.length === 0) return <span class="value value-empty">{emptyOf(type)}</span>;
  return (
    <>
      <span class="value-type">
        {type}, {children.length.toLocaleString("en")}
      </span>
      <Nodes nodes={children} />
    </>
  );
};

const Nodes = ({ nodes }: { readonly nodes: readonly ValueNode[] }) => {
  const [count, setCount] = useState(shortCount);
  return (
    <ul class="values">
      {nodes.slice(0, count).map((node, index) => (
        <li key={node.name ?? index}>
          <span class="value-name">{node.name ?? index + 1}</span> <Inner node={node} />
        </li>
      ))}
      {nodes.length > count && (
        <li>
          <button type="button" class="link" onClick={() => setCount(count + 10 * shortCount)}>
            show more of {nodes.length.toLocaleString("en")}
          </button>
        </li>
      )}
    </ul>
  );
};

/** An item as a tree. */
export const ImageTree = ({ image }: { readonly image: Image }) => <Nodes nodes={imageNodes(image)} />;

/** Plain JSON as a tree. */
export const PlainTree = ({ value }: { readonly value: unknown }) => <Nodes nodes={plainNodes(value)} />;

const Side = ({ node, label }: { readonly node: ValueNode | undefined; readonly label: string }) => (
  <td data-label={label}>
    {node === undefined ? <span class="value-none">no such member</span> : <Inner node={node} />}
  </td>
);

const Pair = ({ name, held, expected, differs }: MemberPair) => (
  <tr class={differs ? "differs" : ""}>
    <th scope="row">
      <span class="value-name">{name}</span>
      {differs && <span class="differs-mark">differs</span>}
    </th>
    <Side node={held} label="target holds" />
    <Side node={expected} label="should hold" />
  </tr>
);

const noCopy = (side: string): string => `The target ${side} no copy.`;

/** What a target holds beside what it should hold. Members that differ come first, and are marked. */
export const Comparison = ({ held, expected }: { readonly held: unknown; readonly expected: unknown }) => {
  if (held === undefined && expected === undefined) return <p>The target holds no copy, as it should.</p>;
  return (
    <>
      {held === undefined && <p class="differs-note">{noCopy("holds")}</p>}
      {expected === undefined && <p class="differs-note">{noCopy("should hold")}</p>}
      <table class="comparison">
        <thead>
          <tr>
            <th scope="col">member</th>
            <th scope="col">target holds</th>
            <th scope="col">should hold</th>
          </tr>
        </thead>
        <tbody>
          {memberPairs(held, expected).map((pair) => (
            <Pair key={pair.name} {...pair} />
          ))}
        </tbody>
      </table>
    </>
  );
};

type Shown<Value> =
  | { readonly state: "hidden" | "loading" }
  | { readonly state: "shown"; readonly value: Value }
  | { readonly state: "failed"; readonly message: string };

/** Properties of `Reveal`. */
export interface RevealProps<Value> {
  /** What the click shows, such as `Show values`. */
  readonly label: string;
  readonly load: () => Promise<Value>;
  readonly children: (value: Value) => ComponentChildren;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Asks for values on a click and shows them until the next one. */
export const Reveal = <Value,>({ label, load, children }: RevealProps<Value>) => {
  const [shown, setShown] = useState<Shown<Value>>({ state: "hidden" });
  const turn = useRef(0);
  const show = async () => {
    turn.current += 1;
    const own = turn.current;
    const put = (next: Shown<Value>) => own === turn.current && setShown(next);
    put({ state: "loading" });
    try {
      put({ state: "shown", value: await load() });
    } catch (error) {
      put({ state: "failed", message: messageOf(error) });
    }
  };
  const hide = () => {
    turn.current += 1;
    setShown({ state: "hidden" });
  };
  const isOpen = shown.state === "shown";
  return (
    <div class="reveal">
      <button
        type="button"
        class="button"
        aria-expanded={isOpen}
        aria-busy={shown.state === "loading"}
        onClick={isOpen || shown.state === "loading" ? hide : show}
      >
        {isOpen ? "Hide again" : shown.state === "loading" ? "Loading… (stop)" : label}
      </button>
      {shown.state === "failed" && (
        <p role="alert" class="reveal-problem">
          {shown.message}
        </p>
      )}
      {shown.state === "shown" && <div class="revealed">{children(shown.value)}</div>}
    </div>
  );
};
