// Watches the files of a module.

import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";

/** Editors write a file in several steps. */
const debounceMs = 80;
/** Some file systems, such as those of containers, report no change. */
const pollMs = 2_000;

/** Watches files. */
export interface FileWatcher {
  /** Watches these files instead of those before. If they are not all that matter, every poll counts as a change. */
  readonly watch: (files: readonly string[], areAll?: "all" | "some") => void;
  readonly stop: () => void;
}

/** What is known of watched files. */
interface Watch {
  readonly onChange: () => void;
  watchers: readonly FSWatcher[];
  timer: NodeJS.Timeout | undefined;
  /** Without repeats, in order. */
  files: readonly string[];
  /** How each file was when it was last looked at. */
  stamps: ReadonlyMap<string, string>;
  areAll: boolean;
}

const stampOf = async (file: string): Promise<[string, string]> => {
  const found = await stat(file, { bigint: true }).catch(() => undefined);
  return [file, found === undefined ? "missing" : `${found.mtimeNs} ${found.size} ${found.ino}`];
};

const stampsOf = async (files: readonly string[]): Promise<ReadonlyMap<string, string>> =>
  new Map(await Promise.all(files.map(stampOf)));

/** Calls the listener if a file has changed. */
const check = async (state: Watch): Promise<void> => {
  const { files } = state;
  const now = await stampsOf(files);
  if (files !== state.files) return;
  const isChanged = files.some((file) => state.stamps.get(file) !== now.get(file));
  state.stamps = now;
  if (isChanged || !state.areAll) state.onChange();
};

const checkSoon = (state: Watch): void => {
  clearTimeout(state.timer);
  state.timer = setTimeout(() => void check(state), debounceMs);
};

const close = ({ watchers }: Watch): void => {
  for (const watcher of watchers) watcher.close();
};

/** Watches a folder. Returns nothing if it is gone, or there are too many watchers: the poll finds a change. */
const watchFolder = (folder: string, onName: (name: string | null) => void): readonly FSWatcher[] => {
  try {
    // The folder may be removed. The poll finds its files when they are back.
    return [watch(folder, (_, name) => onName(name)).on("error", () => undefined)];
  } catch {
    return [];
  }
};

const watchFolders = (state: Watch): readonly FSWatcher[] => {
  const folders = [...new Set(state.files.map((file) => dirname(file)))];
  const names = new Set(state.files.map((file) => basename(file)));
  return folders.flatMap((folder) =>
    watchFolder(folder, (name) => {
      if (name === null || names.has(name) || !state.areAll) checkSoon(state);
    }),
  );
};

const watchInstead = (state: Watch, files: readonly string[]): void => {
  const next = [...new Set(files)].sort();
  if (next.length === state.files.length && next.every((file, index) => file === state.files[index])) return;
  state.files = next;
  close(state);
  state.watchers = watchFolders(state);
  void stampsOf(next).then((now) => {
    state.stamps = now;
  });
};

/** Watches the folders of files, because editors replace a file by another: a watched file would then be the old one. */
export const watchFiles = (onChange: () => void): FileWatcher => {
  const state: Watch = { onChange, watchers: [], timer: undefined, files: [], stamps: new Map(), areAll: true };
  const poll = setInterval(() => void check(state), pollMs);
  return {
    watch: (files, extent = "all") => {
      state.areAll = extent === "all";
      watchInstead(state, files);
    },
    stop: () => {
      clearTimeout(state.timer);
      clearInterval(poll);
      close(state);
    },
  };
};
