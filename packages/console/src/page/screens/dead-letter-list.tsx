// The list of dead letters: groups of one route, code and reason, and their rows. Only what is seen is in the page.

import { useEffect, useRef, useState } from "preact/hooks";
import type { DeadLetterRow } from "../../api/dead-letters.ts";
import { countText } from "../format.ts";
import { Ago } from "../parts/ago.tsx";
import { Icon } from "../parts/icon.tsx";
import { KeyText } from "../parts/key-text.tsx";
import { Outcome } from "../parts/outcome.tsx";
import { VirtualList } from "../parts/virtual-list.tsx";
import {
  entriesOf,
  isGone,
  type LetterEntry,
  type LetterGroup,
  type LetterOutcome,
  rangeOf,
  type Selected,
  selectedOf,
  withSelected,
} from "./dead-letter-groups.ts";

interface CheckProps {
  readonly label: string;
  readonly selected: Selected;
  readonly isDisabled?: boolean;
  readonly onChange: (isSelected: boolean, isRange: boolean) => void;
  readonly onEnter?: () => void;
}

/** A check box that may be half checked. Shift selects a range, by mouse and by keyboard. */
export const Check = ({ label, selected, isDisabled = false, onChange, onEnter }: CheckProps) => {
  const box = useRef<HTMLInputElement>(null);
  const isShifted = useRef(false);
  useEffect(() => {
    if (box.current !== null) box.current.indeterminate = selected === "some";
  }, [selected]);
  return (
    <input
      ref={box}
      type="checkbox"
      class="check"
      aria-label={label}
      checked={selected === "all"}
      disabled={isDisabled}
      data-row
      onClick={(event) => {
        isShifted.current = event.shiftKey;
      }}
      onChange={(event) => onChange(event.currentTarget.checked, isShifted.current)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || onEnter === undefined) return;
        event.preventDefault();
        onEnter();
      }}
    />
  );
};

interface GroupLineProps {
  readonly group: LetterGroup;
  readonly isOpen: boolean;
  readonly selected: Selected;
  readonly onToggle: () => void;
  readonly onSelect: (isSelected: boolean) => void;
}

const GroupLine = ({ group, isOpen, selected, onToggle, onSelect }: GroupLineProps) => {
  const { route, code, reason, rows, oldestAt } = group;
  const count = countText(rows.length);
  const name = `${count} of ${route}, ${code}`;
  return (
    <div class="letter-line letter-group">
      <Check label={`Select ${name}`} selected={selected} onChange={onSelect} onEnter={onToggle} />
      <button
        type="button"
        class="letter-toggle"
        aria-expanded={isOpen}
        aria-label={`${name}: ${reason}`}
        onClick={onToggle}
      >
        <Icon name={isOpen ? "up" : "down"} />
        <span class="letter-count">{count}</span>
        <span class="letter-route truncate">{route}</span>
        <code class="letter-code truncate">{code}</code>
        <span class="letter-reason truncate" title={reason}>
          {reason}
        </span>
        <span class="letter-age">
          oldest <Ago at={oldestAt} />
        </span>
      </button>
    </div>
  );
};

const outcomeText = ({ result: { stays }, isDryRun }: LetterOutcome): string =>
  isDryRun ? "would be" : stays ? "stays" : "left the queue";

interface RowLineProps {
  readonly row: DeadLetterRow;
  readonly isSelected: boolean;
  readonly outcome: LetterOutcome | undefined;
  readonly onSelect: (isSelected: boolean, isRange: boolean) => void;
  readonly onShow: () => void;
}

const RowLine = ({ row, isSelected, outcome, onSelect, onShow }: RowLineProps) => (
  <div class={`letter-line letter-row${isGone(outcome) ? " is-gone" : ""}`}>
    <Check
      label={`Select dead letter ${row.id}`}
      selected={isSelected ? "all" : "none"}
      isDisabled={isGone(outcome)}
      onChange={onSelect}
      onEnter={onShow}
    />
    <span class="letter-key">
      <KeyText keys={row.keys} />
    </span>
    <span class="letter-outcome">
      {outcome !== undefined && (
        <>
          <span class="muted">{outcomeText(outcome)}</span>{" "}
          <Outcome outcome={outcome.result.outcome} code={outcome.result.code} />
        </>
      )}
    </span>
    <span class="letter-attempts muted">
      {countText(row.attempts)} {row.attempts === 1 ? "attempt" : "attempts"}
      {row.isStored ? ", in S3" : ""}
    </span>
    <span class="letter-age">
      <Ago at={row.firstFailedAt} />
    </span>
    <button type="button" class="button letter-show" aria-label={`Show dead letter ${row.id}`} onClick={onShow}>
      Show
    </button>
  </div>
);

/** Whether the page is as narrow as a telephone. */
const useNarrow = (): boolean => {
  const [query] = useState(() => matchMedia("(max-width: 800px)"));
  const [isNarrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const listen = (): void => setNarrow(query.matches);
    query.addEventListener("change", listen);
    return () => query.removeEventListener("change", listen);
  }, [query]);
  return isNarrow;
};

interface ListProps {
  readonly groups: readonly LetterGroup[];
  readonly isClosed: (group: LetterGroup) => boolean;
  readonly selection: ReadonlySet<string>;
  readonly outcomes: ReadonlyMap<string, LetterOutcome>;
  readonly onToggle: (group: LetterGroup) => void;
  readonly onSelection: (selection: ReadonlySet<string>) => void;
  readonly onShow: (row: DeadLetterRow) => void;
}

const keyOf = (entry: LetterEntry): string => (entry.type === "group" ? `group ${entry.group.id}` : entry.row.id);

/** The list. */
export const DeadLetterList = (props: ListProps) => {
  const { groups, isClosed, selection, outcomes, onToggle, onSelection, onShow } = props;
  const isNarrow = useNarrow();
  const lastId = useRef<string | undefined>(undefined);
  const closed = new Set(groups.filter(isClosed).map(({ id }) => id));
  const entries = entriesOf(groups, closed);
  const selectable = (rows: readonly DeadLetterRow[]): readonly string[] =>
    rows.flatMap(({ id }) => (isGone(outcomes.get(id)) ? [] : [id]));
  const select = (id: string, isSelected: boolean, isRange: boolean): void => {
    const order = entries.flatMap((entry) => (entry.type === "row" ? selectable([entry.row]) : []));
    onSelection(withSelected(selection, isRange ? rangeOf(order, lastId.current, id) : [id], isSelected));
    lastId.current = id;
  };
  const rowHeight = isNarrow ? 66 : 42;
  const render = (entry: LetterEntry) =>
    entry.type === "group" ? (
      <GroupLine
        group={entry.group}
        isOpen={!closed.has(entry.group.id)}
        selected={selectedOf(selectable(entry.group.rows), selection)}
        onToggle={() => onToggle(entry.group)}
        onSelect={(isSelected) => onSelection(withSelected(selection, selectable(entry.group.rows), isSelected))}
      />
    ) : (
      <RowLine
        row={entry.row}
        isSelected={selection.has(entry.row.id)}
        outcome={outcomes.get(entry.row.id)}
        onSelect={(isSelected, isRange) => select(entry.row.id, isSelected, isRange)}
        onShow={() => onShow(entry.row)}
      />
    );
  return (
    <div class="letters" style={{ height: `${entries.length * rowHeight}px` }}>
      <VirtualList label="Dead letters" rows={entries} rowHeight={rowHeight} keyOf={keyOf} render={render} />
    </div>
  );
};
