import type { ComponentChildren } from "preact";
import { base } from "./request.js";
import { go } from "./router.js";

interface Props {
  /** Below the base. */
  to: string;
  children: ComponentChildren;
  class?: string | undefined;
  current?: boolean;
  label?: string | undefined;
  /** The same page with other data: neither focus nor scrolling change. */
  stay?: boolean;
}

/** A real link, so that it can be opened in a new tab, copied and bookmarked. */
export function Link({ to, children, class: className, current, label, stay = false }: Props) {
  return (
    <a
      href={base + to}
      class={className}
      aria-current={current ? "page" : undefined}
      aria-label={label}
      onClick={(event) => {
        if (event.defaultPrevented || event.button !== 0) return;
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        go(to, { scroll: !stay });
      }}
    >
      {children}
    </a>
  );
}
