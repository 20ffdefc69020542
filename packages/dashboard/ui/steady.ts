/** Keeps a list that is polled from moving under somebody's hands. */
import type { RefObject } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { LetterPage } from "../src/api.js";

interface Kept {
  path: string;
  page: LetterPage;
}

/**
 * While letters are selected, or the mouse or the focus is in the list, its rows stay where they are: only what is in them is renewed, and
 * `changed` says that there is more.
 */
export function useSteady(
  path: string,
  newest: LetterPage | undefined,
  list: RefObject<HTMLElement | null>,
  chosen: boolean,
) {
  const [kept, keep] = useState<Kept | undefined>(undefined);
  const showNext = useRef(false);

  useEffect(() => {
    if (newest === undefined) return;
    const force = showNext.current;
    showNext.current = false;
    keep((before) => {
      if (before === undefined || before.path !== path) return { path, page: newest };
      if (sameRows(before.page, newest)) return { path, page: newest };
      const element = list.current;
      const busy = chosen || element?.matches(":hover") || element?.contains(document.activeElement);
      if (!busy || force || before.page.letters.length === 0) return { path, page: newest };
      const renewed = new Map(newest.letters.map((letter) => [letter.id, letter]));
      const letters = before.page.letters.map((letter) => renewed.get(letter.id) ?? letter);
      return { path, page: { ...before.page, letters } };
    });
  }, [path, newest, chosen, list]);

  const page = kept?.path === path ? kept.page : undefined;
  const show = useCallback(() => {
    showNext.current = true;
    if (newest) keep({ path, page: newest });
  }, [path, newest]);
  return { page, changed: page !== undefined && newest !== undefined && !sameRows(page, newest), show };
}

function sameRows(one: LetterPage, other: LetterPage): boolean {
  return (
    one.letters.length === other.letters.length &&
    one.letters.every((letter, index) => letter.id === other.letters[index]?.id)
  );
}
