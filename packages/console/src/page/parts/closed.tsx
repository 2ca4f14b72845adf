// The page without a token that the server accepts.

import type { Access } from "../client.ts";

const reasons: Readonly<Record<Exclude<Access, "open">, string>> = {
  missing: "This address has no token.",
  refused: "The token of this page is of an earlier start of the console, or of another one.",
};

/** Says how to open the console. Shown instead of the screens while `access` is not `open`. */
export const Closed = ({ access }: { readonly access: Exclude<Access, "open"> }) => (
  <main class="closed" tabIndex={-1}>
    <h1>Open the address that the command printed</h1>
    <p>{reasons[access]}</p>
    <p>
      <code>sluice dev</code> and <code>sluice console</code> print an address that ends in <code>#token=…</code>. Open
      it in this tab, or in a new one: the token keeps other pages and programs away from your data.
    </p>
    <p>If the command no longer runs, start it again.</p>
  </main>
);
