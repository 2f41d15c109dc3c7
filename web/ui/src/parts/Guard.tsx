// What keeps a part of the web UI that cannot be drawn from taking all of it away.
import { Button } from "@mantine/core";
import { Component, lazy, useEffect, type ComponentType, type ReactNode } from "react";
import { visible } from "../format";
import { answers } from "../live";
import { afresh } from "../reload";

/** A file of the web UI that could not be read: Omen does not answer, or another version of it does, whose files have other names. */
export class Missing extends Error {}

/** A part whose file is read when it is first shown. */
export const part = <P extends object>(load: () => Promise<ComponentType<P>>) =>
  lazy(() => load().then((shown) => ({ default: shown }), (e: unknown) => { throw new Missing((e as Error).message); }));

/** Shows, in place of what it holds, why that cannot be shown; at: the address, another of which is tried again; small: it is no page. */
export class Guard extends Component<{ at: string; small?: boolean; children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };
  static getDerivedStateFromError = (error: Error) => ({ error });
  override componentDidUpdate(before: { at: string }) { if (this.state.error && before.at !== this.props.at) this.setState({ error: null }); }
  override render() { return this.state.error ? <Broken error={this.state.error} small={this.props.small} /> : this.props.children; }
}

function Broken({ error, small }: { error: Error; small?: boolean }) {
  const missing = error instanceof Missing;
  useEffect(() => (missing ? afresh(answers) : undefined), [missing]);
  if (small) return <span className="pill dead" role="alert" title={visible(error.message)}>{missing ? "not read yet" : "cannot be shown"}</span>;
  return (
    <main className="page" role="alert">
      <h1>{missing ? "This part of the web UI could not be read" : "This cannot be shown"}</h1>
      <p>{missing ? "Omen does not answer, or was replaced by another version. The page is loaded again by itself once Omen answers." : <>The web UI failed at it: <bdi>{visible(error.message)}</bdi>. What Omen watches and whom it notifies does not depend on it.</>}</p>
      <div className="line"><Button size="xs" variant="default" onClick={() => location.reload()}>Load again</Button></div>
    </main>
  );
}
