// The help of the shortcuts.

import { isHelpShown, shortcuts } from "../keyboard.ts";
import { Dialog } from "./dialog.tsx";

/** A dialog with all shortcuts, while it is wanted. */
export const Help = () => {
  if (!isHelpShown.value) return null;
  const close = (): void => {
    isHelpShown.value = false;
  };
  return (
    <Dialog title="Keyboard shortcuts" onClose={close}>
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
    </Dialog>
  );
};
