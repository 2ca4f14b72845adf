// The steps of a worker of a backfill. A test may stop the worker at each of them.

import type { BackfillOptions, Invoke, ItemSource, SourcePage, Unit } from "@sluice/backfill";

/** `read`: a page was read. `sending`, `answered`: before and after a request. `saving`, `saved`: the same of the state. */
export type Step = "read" | "sending" | "answered" | "saving" | "saved";

/** Called at each step. The worker continues when it resolves. */
export type AtStep = (step: Step) => Promise<void>;

type Parts = Pick<BackfillOptions, "source" | "invoke" | "store">;

const pagesWith = (
  source: ItemSource,
  atStep: AtStep,
  onPage: (unit: Unit, page: SourcePage) => void,
): ItemSource["pages"] =>
  async function* (unit, after, signal) {
    for await (const page of source.pages(unit, after, signal)) {
      onPage(unit, page);
      await atStep("read");
      yield page;
    }
  };

/** Returns the same parts of a run, with steps. */
export const withSteps = (
  { source, invoke, store }: Parts,
  atStep: AtStep,
  onPage: (unit: Unit, page: SourcePage) => void = () => undefined,
): Parts => {
  const invokeWith: Invoke = async (event, signal) => {
    await atStep("sending");
    const answer = await invoke(event, signal);
    await atStep("answered");
    return answer;
  };
  return {
    source: { ...source, pages: pagesWith(source, atStep, onPage) },
    invoke: invokeWith,
    store: {
      save: async (state) => {
        await atStep("saving");
        await store.save(state);
        await atStep("saved");
      },
    },
  };
};
