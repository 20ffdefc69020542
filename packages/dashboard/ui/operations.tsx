/** One operation, looked up by what identifies it. */
import { useEffect, useState } from "preact/hooks";
import type { OperationDetail, Overview } from "../src/api.js";
import { SearchIcon } from "./icons.js";
import { OperationShown } from "./operation.js";
import { Missing, Page } from "./page.js";
import { usePolled } from "./poll.js";
import { query } from "./query.js";
import { go, usePlace } from "./router.js";
import { useSession } from "./session.js";

interface Wanted {
  scope: string;
  tenant: string;
  key: string;
}

export function OperationsPage() {
  const { search } = usePlace();
  const { pollMs } = useSession();
  const wanted = wantedOf(search);
  const complete = wanted.scope !== "" && wanted.key !== "";
  const polled = usePolled<OperationDetail>(complete ? `api/operation${query(wanted)}` : undefined, pollMs);
  return (
    <Page title="Operations" heading={complete ? "Operation" : "Operations"}>
      <LookUp wanted={wanted} />
      {!complete ? (
        <div class="empty">
          <p>
            An operation is one scope, tenant and key: everything that became of one event and its duplicates.
          </p>
          <p class="quiet">
            The key is the webhook's id, or what the handler's <code>key</code> option made of it.
          </p>
        </div>
      ) : polled.problem?.status === 404 ? (
        <div class="empty">
          <p>
            <strong>The store has no such operation.</strong>
          </p>
          <p>It never came, or its retention is over. Scope, tenant and key have to match exactly.</p>
        </div>
      ) : polled.data === undefined ? (
        <Missing problem={polled.problem} />
      ) : (
        <OperationShown operation={polled.data} refresh={polled.refresh} />
      )}
    </Page>
  );
}

function LookUp({ wanted }: { wanted: Wanted }) {
  const [draft, setDraft] = useState(wanted);
  useEffect(() => setDraft(wanted), [JSON.stringify(wanted)]);
  const overview = usePolled<Overview>("api/overview", 60_000);
  const field = (name: keyof Wanted, label: string, required: boolean) => (
    <label class={name === "key" ? "field grow" : "field"}>
      <span>{label}</span>
      <input
        type="text"
        value={draft[name]}
        required={required}
        list={name === "scope" ? "known-scopes" : undefined}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => setDraft({ ...draft, [name]: event.currentTarget.value })}
      />
    </label>
  );
  return (
    <search class="panel filter">
      <form
        aria-label="Look up an operation"
        onSubmit={(event) => {
          event.preventDefault();
          go(`/operations${query(draft)}`, { scroll: false });
        }}
      >
        <div class="filter-row">
          {field("scope", "Scope", true)}
          {field("tenant", "Tenant (if it has one)", false)}
          {field("key", "Key", true)}
          <button type="submit" class="primary">
            <SearchIcon /> Look up
          </button>
        </div>
        <datalist id="known-scopes">
          {overview.data?.scopes.map(({ scope }) => (
            <option key={scope} value={scope} />
          ))}
        </datalist>
      </form>
    </search>
  );
}

function wantedOf(search: string): Wanted {
  const parameters = new URLSearchParams(search);
  return {
    scope: parameters.get("scope") ?? "",
    tenant: parameters.get("tenant") ?? "",
    key: parameters.get("key") ?? "",
  };
}
