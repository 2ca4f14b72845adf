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
  /** Watches these files instead of those before. */
  readonly watch: (files: readonly string[]) => void;
  readonly stop: () => void;
}

/** Watches the folders of files, because editors replace a file by another: a watched file would then be the old one. */
export const watchFiles = (onChange: () => void): FileWatcher => {
  let watchers: readonly FSWatcher[] = [];
  let timer: NodeJS.Timeout | undefined;
  let watched: readonly string[] = [];
  let stamps = new Map<string, string>();
  const changed = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void check(), debounceMs);
  };
  const stampsOf = async (files: readonly string[]): Promise<Map<string, string>> => {
    const entries = files.map(async (file): Promise<[string, string]> => {
      const found = await stat(file, { bigint: true }).catch(() => undefined);
      return [file, found === undefined ? "missing" : `${found.mtimeNs} ${found.size} ${found.ino}`];
    });
    return new Map(await Promise.all(entries));
  };
  const check = async (): Promise<void> => {
    const files = watched;
    const now = await stampsOf(files);
    if (files !== watched) return;
    const isChanged = files.some((file) => stamps.get(file) !== now.get(file));
    stamps = now;
    if (isChanged) onChange();
  };
  const poll = setInterval(() => void check(), pollMs);
  const close = (): void => {
    for (const watcher of watchers) watcher.close();
  };
  return {
    watch: (files) => {
      const before = new Set(watched);
      watched = [...new Set(files)].sort();
      const isSame = before.size === watched.length && watched.every((file) => before.has(file));
      if (isSame) return;
      close();
      const folders = [...new Set(watched.map((file) => dirname(file)))];
      const names = new Set(watched.map((file) => basename(file)));
      watchers = folders.flatMap((folder) => {
        try {
          const watcher = watch(folder, (_, name) => {
            if (name === null || names.has(name)) changed();
          });
          // The folder may be removed. The poll finds its files when they are back.
          return [watcher.on("error", () => undefined)];
        } catch {
          return []; // the folder is gone, or there are too many watchers: the poll finds a change
        }
      });
      void stampsOf(watched).then((now) => {
        stamps = now;
      });
    },
    stop: () => {
      clearTimeout(timer);
      clearInterval(poll);
      close();
    },
  };
};
