// Copies a text to the clipboard, and says so.

import { useSignal } from "@preact/signals";
import { Icon } from "./icon.tsx";
import { toast } from "./toast.tsx";

/** A button that copies a text. `label` says what it copies: "Copy event ID". */
export const CopyButton = ({ text, label }: { readonly text: string; readonly label: string }) => {
  const isCopied = useSignal(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      isCopied.value = true;
      setTimeout(() => {
        isCopied.value = false;
      }, 1500);
      toast("Copied");
    } catch {
      toast("The browser did not allow to copy. Select the text instead.", "bad");
    }
  };
  return (
    <button type="button" class="button-quiet button-icon" aria-label={label} title={label} onClick={() => void copy()}>
      <Icon name={isCopied.value ? "check" : "copy"} />
    </button>
  );
};

/** A command to copy and paste. */
export const CommandLine = ({ command, label }: { readonly command: string; readonly label?: string | undefined }) => (
  <div class="command">
    {label !== undefined && <span class="command-label">{label}</span>}
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long command scrolls, and the keyboard must be able to scroll it. */}
    <section class="command-scroll" tabIndex={0} aria-label={label ?? "Command"}>
      <code>{command}</code>
    </section>
    <CopyButton text={command} label={`Copy ${label ?? "command"}`} />
  </div>
);
