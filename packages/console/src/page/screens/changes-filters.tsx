// The filters of the list of changes. The address holds them.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { ChangeFilter } from "../../api/changes.ts";
import { isFiltering, kinds } from "../changes-filter.ts";
import { about } from "../live.ts";
import { outcomes } from "../outcomes.ts";
import { Icon } from "../parts/icon.tsx";
import { setQuery } from "../router.ts";
import type { Tail } from "../tail.ts";

const change = (filter: ChangeFilter, changed: ChangeFilter, replaces = false): void =>
  setQuery({ ...filter, ...changed }, { replaces });

interface ChoiceProps {
  readonly label: string;
  readonly value: string | undefined;
  readonly options: readonly string[];
  readonly onChange: (value: string | undefined) => void;
}

/** A choice. A value that is no option, as from a link, is shown all the same. */
const Choice = ({ label, value, options, onChange }: ChoiceProps) => (
  <label class="field">
    <span class="field-label">{label}</span>
    <select
      class={value === undefined ? "input" : "input is-set"}
      value={value ?? ""}
      onChange={({ currentTarget }) => onChange(currentTarget.value === "" ? undefined : currentTarget.value)}
    >
      <option value="">all</option>
      {[...new Set(value === undefined ? options : [...options, value])].map((option) => (
        <option key={option} value={option}>
          {option}
        </option>
      ))}
    </select>
  </label>
);

interface SearchProps {
  readonly label: string;
  readonly value: string | undefined;
  readonly isFirst?: boolean;
  readonly onInput: (value: string) => void;
}

const typingMs = 250;

/** A text that is looked for. The address follows when the typing pauses. */
const Search = ({ label, value, isFirst = false, onInput }: SearchProps) => {
  const text = useSignal(value ?? "");
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    text.value = value ?? "";
    return () => clearTimeout(timer.current);
  }, [value, text]);
  return (
    <label class="field field-search">
      <span class="field-label">{label}</span>
      <input
        class={text.value === "" ? "input" : "input is-set"}
        type="search"
        spellcheck={false}
        autocomplete="off"
        value={text.value}
        {...(isFirst ? { "data-filter": true } : {})}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value;
          clearTimeout(timer.current);
          timer.current = setTimeout(() => onInput(text.value), typingMs);
        }}
      />
    </label>
  );
};

const PauseButton = ({ tail }: { readonly tail: Tail }) => {
  const isPaused = tail.isPaused.value;
  const toggle = (): void => {
    tail.isPaused.value = !isPaused;
    if (isPaused && !tail.isAway.value) tail.showNew();
  };
  return (
    <button type="button" class="button" data-pause onClick={toggle} title={`${isPaused ? "Resume" : "Pause"} (p)`}>
      <Icon name={isPaused ? "play" : "pause"} />
      {isPaused ? "Resume" : "Pause"}
    </button>
  );
};

const Choices = ({ filter }: { readonly filter: ChangeFilter }): ComponentChildren => {
  const pipelines = about.value?.pipelines ?? [];
  const routes = pipelines
    .filter(({ name }) => filter.pipeline === undefined || name === filter.pipeline)
    .flatMap((pipeline) => pipeline.routes.map(({ name }) => name));
  return (
    <>
      {(pipelines.length > 1 || filter.pipeline !== undefined) && (
        <Choice
          label="Pipeline"
          value={filter.pipeline}
          options={pipelines.map(({ name }) => name)}
          onChange={(pipeline) => change(filter, { pipeline, route: undefined })}
        />
      )}
      <Choice label="Route" value={filter.route} options={routes} onChange={(route) => change(filter, { route })} />
      <Choice
        label="Outcome"
        value={filter.outcome}
        options={outcomes}
        onChange={(value) => change(filter, { outcome: outcomes.find((outcome) => outcome === value) })}
      />
      <Choice
        label="Kind"
        value={filter.kind}
        options={kinds}
        onChange={(value) => change(filter, { kind: kinds.find((kind) => kind === value) })}
      />
    </>
  );
};

/** The filters. */
export const Filters = ({ filter }: { readonly filter: ChangeFilter }) => (
  <search class="filters" aria-label="Changes">
    <Search label="Key contains" value={filter.key} isFirst onInput={(key) => change(filter, { key }, true)} />
    <Choices filter={filter} />
    <Search label="Code" value={filter.code} onInput={(code) => change(filter, { code }, true)} />
  </search>
);

/** The buttons of the screen. */
export const Buttons = ({ filter, tail }: { readonly filter: ChangeFilter; readonly tail: Tail }) => (
  <>
    {isFiltering(filter) && (
      <button type="button" class="button-quiet" onClick={() => setQuery({})}>
        <Icon name="close" />
        Clear filters
      </button>
    )}
    <PauseButton tail={tail} />
  </>
);
