/** After a replay: what becomes of it, until it is over. */
import { useEffect, useState } from "preact/hooks";
import type { LetterDetail, OperationDetail } from "../src/api.js";
import type { Polled } from "./poll.js";
import { query } from "./query.js";
import { get } from "./request.js";

export type Following = "put-back" | "running" | "completed" | "failed-again" | "left";

interface Followed {
  letter: LetterDetail;
  now: Following;
}

/**
 * `start` is given the letter as it was when it was put back. The letter leaving the queue is how a success looks; the operation is asked, as
 * somebody else may have discarded it.
 */
export function useFollow(polled: Polled<LetterDetail>) {
  const [followed, follow] = useState<Followed | undefined>(undefined);
  const { data, problem } = polled;
  const open = followed !== undefined && (followed.now === "put-back" || followed.now === "running");

  useEffect(() => {
    if (!open || followed === undefined) return;
    const { letter } = followed;
    if (problem?.status === 404 || data?.state === "completed") {
      const stop = new AbortController();
      get<OperationDetail>(
        `api/operation${query({ scope: letter.scope, tenant: letter.tenant, key: letter.key })}`,
        stop.signal,
      ).then(
        ({ state }) => follow({ letter, now: state === "completed" ? "completed" : "left" }),
        () => stop.signal.aborted || follow({ letter, now: "left" }),
      );
      return () => stop.abort();
    }
    if (problem !== undefined || data === undefined) return;
    // The answer that was under way when it was put back shows it dead still, with no more behind it.
    const failed = data.state === "dead" && data.timeline.length > letter.timeline.length;
    const next = failed ? "failed-again" : data.state === "running" ? "running" : "put-back";
    if (next !== followed.now) follow({ letter, now: next });
  }, [open, followed, data, problem]);

  return {
    following: followed?.now,
    open,
    /** The last that was known of a letter that has left. */
    last: followed?.letter,
    start: (letter: LetterDetail) => follow({ letter, now: "put-back" }),
  };
}
