// The filters of the dead letters. They are in the address, so that the back button brings them back.

import type { DeadLetterRow } from "../../api/dead-letters.ts";
import { Icon } from "../parts/icon.tsx";
import { address, setQuery } from "../router.ts";
import { choicesOf } from "./dead-letter-groups.ts";

interface ChoiceProps {
  readonly name: "route" | "code";
  readonly label: string;
  readonly rows: readonly DeadLetterRow[];
}

const Choice = ({ name, label, rows }: ChoiceProps) => {
  const { query } = address.value;
  const value = query[name] ?? "";
  const known = choicesOf(rows, name);
  const choices = value === "" || known.includes(value) ? known : [...known, value];
  return (
    <label class="field">
      <span class="field-label">{label}</span>
      <select
        class="input"
        value={value}
        onChange={(event) => setQuery({ ...query, [name]: event.currentTarget.value })}
      >
        <option value="">all</option>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    </label>
  );
};

interface FiltersProps {
  readonly rows: readonly DeadLetterRow[];
  readonly hidesKeys: boolean;
}

/** The filters. */
export const LetterFilters = ({ rows, hidesKeys }: FiltersProps) => {
  const { query } = address.value;
  const { queue, route, code, text } = query;
  const isFiltered = [route, code, text].some((value) => value !== undefined);
  return (
    <div class="letter-filters">
      <label class="field letter-search">
        <span class="field-label">{hidesKeys ? "Reason or id" : "Key, reason or id"}</span>
        <input
          type="search"
          class="input"
          data-filter
          autocomplete="off"
          spellcheck={false}
          value={text ?? ""}
          onInput={(event) => setQuery({ ...query, text: event.currentTarget.value }, { replaces: true })}
        />
      </label>
      <Choice name="route" label="Route" rows={rows} />
      <Choice name="code" label="Code" rows={rows} />
      {isFiltered && (
        <button type="button" class="button-quiet" onClick={() => setQuery({ queue })}>
          <Icon name="close" /> Clear
        </button>
      )}
    </div>
  );
};
