import { useState } from "react";
import { copy } from "../copy";
import { middle, visible } from "../format";

/** A name that others chose: it turns nothing around it, hides nothing, and does not fill the page. whole: with a button that copies what was cut. */
export function Name({ name, most = 60, whole = false }: { name: string; most?: number; whole?: boolean }) {
  const [copied, setCopied] = useState(false);
  const seen = visible(name), short = middle(seen, most);
  return (
    <>
      <bdi title={short === seen ? undefined : middle(seen, 300)}>{short}</bdi>
      {whole && short !== seen && <button type="button" className="quiet" onClick={() => void copy(name).then(setCopied)} aria-label="Copy the whole name">{copied ? "copied" : "copy"}</button>}
    </>
  );
}
