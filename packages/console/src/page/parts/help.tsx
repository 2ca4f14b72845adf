// The help of the shortcuts.

import { useEffect, useRef } from "preact/hooks";
import { isHelpShown, shortcuts } from "../keyboard.ts";
import { Icon } from "./icon.tsx";

/** A dialog with all shortcuts. */
export const Help = () => {
  const dialog = useRef<HTMLDialogElement>(null);
  const isShown = isHelpShown.value;
  useEffect(() => {
    if (isShown) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isShown]);
  const close = (): void => {
    isHelpShown.value = false;
  };
  return (
    <dialog class="dialog help" ref={dialog} aria-labelledby="help-title" onClose={close}>
      <div class="dialog-head">
        <h2 id="help-title">Keyboard</h2>
        <button type="button" class="button-quiet button-icon" aria-label="Close" onClick={close}>
          <Icon name="close" />
        </button>
      </div>
      <dl class="help-list">
        {shortcuts.map(({ keys, text }) => (
          <div key={text}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </dialog>
  );
};
