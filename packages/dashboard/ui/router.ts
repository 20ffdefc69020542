/** Where the page is, under the base path that the server says. */
import { base } from "./request.js";
import { shared, useShared } from "./shared.js";

export interface Place {
  /** Below the base: "/", "/letters", "/letters/<id>", "/operations". */
  path: string;
  search: string;
}

function here(): Place {
  const { pathname, search } = window.location;
  const path = pathname.startsWith(base) ? pathname.slice(base.length) : pathname;
  return { path: path.length > 1 ? path.replace(/\/+$/, "") || "/" : "/", search };
}

const place = shared<Place>(here());
/** Counts the moves somebody made by a link, so that the new page takes the focus. */
export const moves = shared(0);

window.addEventListener("popstate", () => {
  const next = here();
  // A jump within the page, as of the skip link, is none to another.
  if (next.path === place.get().path && next.search === place.get().search) return;
  place.set(next);
  moves.set(moves.get() + 1);
});

export function usePlace(): Place {
  return useShared(place);
}

/** `to`: below the base. */
export function go(to: string, { replace = false, scroll = true } = {}): void {
  if (replace) window.history.replaceState(null, "", base + to);
  else window.history.pushState(null, "", base + to);
  place.set(here());
  if (!replace && scroll) {
    moves.set(moves.get() + 1);
    window.scrollTo(0, 0);
  }
}
