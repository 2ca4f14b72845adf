// A row of the list of changes.

import type { ChangeRow } from "../../api/changes.ts";
import { href } from "../address.ts";
import { durationText } from "../format.ts";
import { about } from "../live.ts";
import { Ago } from "../parts/ago.tsx";
import { CopyButton } from "../parts/copy.tsx";
import { KeyText } from "../parts/key-text.tsx";
import { Outcome } from "../parts/outcome.tsx";
import { go } from "../router.ts";

/** The titles of the columns; what screen readers need is in each row. */
export const ChangeHead = () => (
  <div class="change change-head" aria-hidden="true">
    <span class="change-time">Time</span>
    <span class="change-outcome">Outcome</span>
    <span class="change-kind">Kind</span>
    <span class="change-key">Key</span>
    <span class="change-route">Route</span>
    <span class="change-age">Lag</span>
    <span class="change-origin">Origin</span>
    <span class="change-copy" />
  </div>
);

/** The link to the item. Where keys are hidden, the address of the item is not in the page before the click. */
const ItemLink = ({ row }: { readonly row: ChangeRow }) => {
  const { keys, pipeline } = row;
  if (keys === undefined || about.value?.can.item !== true) return <KeyText keys={keys} />;
  const query = { pipeline, keys: JSON.stringify(keys) };
  if (!about.value.hidesKeys) {
    return (
      <a class="row-link" data-row href={href("/item", query)}>
        <KeyText keys={keys} />
      </a>
    );
  }
  return (
    <>
      <KeyText keys={keys} />
      <button type="button" class="row-link" data-row aria-label="Open the item" onClick={() => go("/item", query)} />
    </>
  );
};

const originText = ({ origin, attempts, isQueued }: ChangeRow): string =>
  [
    origin === "stream" ? undefined : origin,
    attempts > 1 ? `${attempts} attempts` : undefined,
    isQueued ? "queued" : undefined,
  ]
    .filter((part) => part !== undefined)
    .join(", ");

/** A row. */
export const ChangeLine = ({ row }: { readonly row: ChangeRow }) => {
  const { at, outcome, code, kind, route, ageMs, eventId } = row;
  const origin = originText(row);
  return (
    <div class="change">
      <span class="change-time muted">
        <Ago at={at} />
      </span>
      <span class="change-outcome">
        <Outcome outcome={outcome} code={code} />
      </span>
      <span class="change-kind">{kind ?? "unknown"}</span>
      <span class="change-key">
        <ItemLink row={row} />
      </span>
      <span class="change-route truncate" title={`${row.pipeline}: ${route}`}>
        {route}
      </span>
      <span class="change-age number" title="Age of the change when the route was done">
        {ageMs === undefined ? "" : durationText(ageMs)}
      </span>
      <span class="change-origin muted truncate" title={origin}>
        {origin}
      </span>
      <span class="change-copy">{eventId !== undefined && <CopyButton text={eventId} label="Copy event ID" />}</span>
    </div>
  );
};
