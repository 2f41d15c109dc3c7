/** Copies a text; false: the browser does not let a page. Its clipboard is there only for pages from https or this machine, and most Omens are neither. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { // there is none, or it is refused
    const held = document.createElement("textarea"), back = document.activeElement;
    held.value = text;
    held.readOnly = true;
    Object.assign(held.style, { position: "fixed", top: "0", opacity: "0" });
    (back?.closest("dialog, [role=dialog]") ?? document.body).append(held); // a dialog keeps the focus in itself
    held.select();
    const done = document.execCommand("copy");
    held.remove();
    if (back instanceof HTMLElement) back.focus({ preventScroll: true });
    return done;
  }
}
