import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Action, Session } from "../src/api.js";

const NOTHING: Session = {
  allow: [],
  readOnly: true,
  title: "Hooklatch",
  pollMs: 5000,
  textSearch: true,
  activity: false,
};

export const SessionContext = createContext<Session>(NOTHING);

export function useSession(): Session {
  return useContext(SessionContext);
}

/** Whether this person may do it here. */
export function useMay(): (action: Action) => boolean {
  const { allow, readOnly } = useSession();
  return (action) => allow.includes(action) && (action === "read" || !readOnly);
}

/** Why there is no button, or nothing if there are all. */
export function whyNot(session: Session, needed: Action[]): string | undefined {
  if (session.readOnly) return "This dashboard is read-only: nothing can be put back or discarded here.";
  const missing = needed.filter((action) => !session.allow.includes(action));
  if (missing.length === 0) return undefined;
  const words: Record<Action, string> = {
    read: "look",
    replay: "replay",
    edit: "edit",
    discard: "discard",
  };
  return `You may not ${missing.map((action) => words[action]).join(" or ")} here.`;
}
