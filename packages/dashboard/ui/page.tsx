import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { headline } from "./banner.js";
import type { Problem } from "./request.js";
import { moves } from "./router.js";
import { useSession } from "./session.js";
import { useShared } from "./shared.js";
import { Text } from "./text.js";
import { visible } from "./visible.js";

interface Props {
  /** Of the window, before the name of the environment. */
  title: string;
  heading?: ComponentChildren;
  /** Beside the heading. */
  actions?: ComponentChildren;
  children: ComponentChildren;
}

/** One page: its title, its heading (which takes the focus when a link led here) and what is on it. */
export function Page({ title, heading, actions, children }: Props) {
  const session = useSession();
  const h1 = useRef<HTMLHeadingElement>(null);
  const moved = useShared(moves);
  useEffect(() => {
    document.title = `${visible(title)} · ${visible(session.title || "Hooklatch")}`;
  }, [title, session.title]);
  useEffect(() => {
    if (moved > 0) h1.current?.focus({ preventScroll: true });
  }, [moved]);
  return (
    <>
      <div class="page-head">
        <h1 ref={h1} tabIndex={-1}>
          {heading ?? title}
        </h1>
        {actions}
      </div>
      {children}
    </>
  );
}

/** Instead of data that never came. */
export function Missing({ problem }: { problem: Problem | undefined }) {
  if (problem === undefined) return <p class="empty loading">Reading…</p>;
  return (
    <div class="empty">
      <p>
        <strong>
          {problem.status === 400 ? "The server does not understand this request." : headline(problem)}
        </strong>
      </p>
      <p>
        <Text value={problem.message} />
      </p>
    </div>
  );
}
