// Screen of one item: its state in the table and in each target, and its changes through every route in time.

import type { Image } from "@sluice/core/sink-kit";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { About, PipelineAbout } from "../../api/about.ts";
import type { ItemView } from "../../api/item.ts";
import { post } from "../client.ts";
import { about, followRows } from "../live.ts";
import { Ago } from "../parts/ago.tsx";
import { Empty } from "../parts/empty.tsx";
import { Icon } from "../parts/icon.tsx";
import { KeyText } from "../parts/key-text.tsx";
import { ErrorNotice } from "../parts/notice.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { type Loaded, useLoad } from "../parts/use-load.ts";
import { address } from "../router.ts";
import { ItemForm } from "./item-form.tsx";
import { isSameKey, keysIn } from "./item-key.ts";
import { marksOf } from "./item-marks.ts";
import { Conclusions, Sources, Values } from "./item-panels.tsx";
import { summaryText } from "./item-text.ts";
import { ItemTimeline } from "./item-timeline.tsx";
import "./item.css";

/** Changes of an item often come in groups: one look for all of them. */
const settleMs = 1000;

const partOf = (keys: Image): string => {
  const [first] = Object.values(keys);
  return first === undefined ? "" : String(Object.values(first)[0]);
};

/** Looks again when a change of the item arrives. Returns when the last one did. */
const useArrivals = (pipeline: string, keys: Image, canSee: boolean, { isLoading, reload }: Loaded<ItemView>) => {
  const [arrivedAt, setArrivedAt] = useState<number>();
  const [isDue, setDue] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    if (!canSee) return undefined;
    const stop = followRows({ pipeline, key: partOf(keys) }, (rows) => {
      if (!rows.some((row) => isSameKey(row.keys, keys))) return;
      setArrivedAt(Date.now());
      timer.current ??= setTimeout(() => {
        timer.current = undefined;
        setDue(true);
      }, settleMs);
    });
    return () => {
      stop();
      clearTimeout(timer.current);
      timer.current = undefined;
    };
  }, [pipeline, JSON.stringify(keys), canSee]);
  useEffect(() => {
    if (!isDue || isLoading) return;
    setDue(false);
    reload();
  }, [isDue, isLoading, reload]);
  return arrivedAt;
};

interface StoryProps {
  readonly info: About;
  readonly pipeline: PipelineAbout;
  readonly keys: Image;
  readonly loaded: Loaded<ItemView>;
}

const Head = ({
  keys,
  loaded,
  arrivedAt,
}: Pick<StoryProps, "keys" | "loaded"> & { readonly arrivedAt: number | undefined }) => (
  <div class="item-head">
    <div class="item-title">
      <h2 class="item-key">
        <KeyText keys={keys} />
      </h2>
      <p aria-live="polite">{loaded.value === undefined ? "" : summaryText(loaded.value.trace.conclusions)}</p>
    </div>
    <div class="row">
      <span class="muted" role="status">
        {arrivedAt !== undefined && (
          <>
            A change arrived <Ago at={arrivedAt} />.{" "}
          </>
        )}
        {loaded.isLoading ? (
          "Looking…"
        ) : loaded.value === undefined ? null : (
          <>
            Looked <Ago at={loaded.value.trace.at} />
          </>
        )}
      </span>
      <button type="button" class="button" disabled={loaded.isLoading} onClick={loaded.reload}>
        <Icon name="retried" /> Look again
      </button>
    </div>
  </div>
);

const Story = ({ info, pipeline, keys, loaded }: StoryProps) => {
  const arrivedAt = useArrivals(pipeline.name, keys, info.can.changes, loaded);
  const { value, error } = loaded;
  const marks = useMemo(() => (value === undefined ? [] : marksOf(value.trace, value.changes)), [value]);
  const routes = useMemo(() => pipeline.routes.map(({ name }) => name), [pipeline]);
  return (
    <>
      <Head keys={keys} loaded={loaded} arrivedAt={arrivedAt} />
      {error !== undefined && <ErrorNotice title="The item could not be read" error={error} onRetry={loaded.reload} />}
      {value === undefined && error === undefined && (
        <div class="card">
          <Skeleton lines={6} />
        </div>
      )}
      {value !== undefined && (
        <>
          <Conclusions trace={value.trace} />
          <section class="card">
            <div class="card-head">
              <h2>Changes in time</h2>
            </div>
            <div class="card-body">
              <ItemTimeline marks={marks} routes={routes} />
            </div>
          </section>
          <Values question={{ pipeline: pipeline.name, keys }} />
          <Sources trace={value.trace} />
        </>
      )}
    </>
  );
};

const Ready = ({ info, pipeline }: { readonly info: About; readonly pipeline: PipelineAbout }) => {
  const { keys: text } = address.value.query;
  const keys = keysIn(text);
  const subject = keys === undefined ? undefined : JSON.stringify({ pipeline: pipeline.name, keys });
  const loaded = useLoad(subject, () => post<ItemView>("/api/item", { pipeline: pipeline.name, keys }));
  return (
    <div class="stack">
      <ItemForm about={info} pipeline={pipeline} keys={keys} onSame={loaded.reload} />
      {keys === undefined ? (
        <Empty
          title="Which item?"
          text={
            text === undefined
              ? "Enter the key of an item, or choose a change: this page shows where the item stands in each target, and why."
              : "The address has a key that cannot be read. Enter the key again."
          }
        >
          {info.can.changes && (
            <a class="button" href="/changes">
              Choose a change
            </a>
          )}
        </Empty>
      ) : (
        <Story key={subject} info={info} pipeline={pipeline} keys={keys} loaded={loaded} />
      )}
    </div>
  );
};

const Content = ({ info }: { readonly info: About }) => {
  const { pipeline: wanted } = address.value.query;
  const pipeline = info.pipelines.find(({ name }) => name === wanted) ?? info.pipelines[0];
  if (!info.can.item) {
    return (
      <Empty
        title="This console cannot look at items"
        text="Only the pipeline's module knows what a target should hold, and this console was started without it. Give it the module:"
        command="npx sluice console pipeline.ts --function NAME"
      />
    );
  }
  if (pipeline === undefined) return <Empty title="There is no pipeline" text="The module exports no pipeline." />;
  return <Ready info={info} pipeline={pipeline} />;
};

/** The screen. */
export const ItemScreen = () => (
  <>
    <PageHead title="Item" text="Where one item stands in the table and in each target, and its changes in time." />
    {about.value === undefined ? <Skeleton lines={6} /> : <Content info={about.value} />}
  </>
);
