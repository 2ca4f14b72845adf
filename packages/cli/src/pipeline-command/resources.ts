// What a command has opened, and must close.

/** Something that can be closed. */
interface Resource {
  readonly close: () => Promise<void> | void;
}

/** Resources that are closed together, the last opened first. */
export interface Resources {
  readonly add: <Opened extends Resource>(resource: Opened) => Opened;
  /** Closes all. If some cannot be closed, closes the others, and throws the first error. */
  readonly close: () => Promise<void>;
}

/** Creates an empty list of resources. */
export const resources = (): Resources => {
  const opened: Resource[] = [];
  return {
    add: (resource) => {
      opened.unshift(resource);
      return resource;
    },
    close: async () => {
      const errors: unknown[] = [];
      for (const resource of opened.splice(0)) {
        try {
          await resource.close();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) throw errors[0];
    },
  };
};
