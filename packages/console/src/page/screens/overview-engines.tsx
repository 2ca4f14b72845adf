// The engines, with lines to paste into a terminal.

import type { EngineAbout } from "../../api/about.ts";
import { CommandLine, CopyButton } from "../parts/copy.tsx";

/** A card for each engine. */
export const Engines = ({ engines }: { readonly engines: readonly EngineAbout[] }) => (
  <section class="card" aria-labelledby="engines-title">
    <div class="card-head">
      <h2 id="engines-title">Engines</h2>
      <span class="muted">Your own clients work against them.</span>
    </div>
    <ul class="engines">
      {engines.map(({ name, address, lines }) => (
        <li key={name} class="engine">
          <div class="engine-head">
            <h3>{name}</h3>
            <code class="muted engine-address">{address}</code>
            <CopyButton text={address} label={`Copy address of ${name}`} />
          </div>
          {lines.map(({ label, command }) => (
            <CommandLine key={label} label={label} command={command} />
          ))}
        </li>
      ))}
    </ul>
  </section>
);
