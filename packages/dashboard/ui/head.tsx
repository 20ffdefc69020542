import { useNow } from "./clock.js";
import {
  LettersIcon,
  LockIcon,
  OverviewIcon,
  PauseIcon,
  PlayIcon,
  RefreshIcon,
  SearchIcon,
} from "./icons.js";
import { Link } from "./link.js";
import { failing, lastReadAt, paused, refreshAll } from "./live.js";
import { usePlace } from "./router.js";
import { useSession } from "./session.js";
import { useShared } from "./shared.js";
import { Text } from "./text.js";
import { ago } from "./words.js";

/** The head of every page: where one is, as whom, and how fresh it is. */
export function Head() {
  const session = useSession();
  const { path } = usePlace();
  return (
    <header class="head">
      <div class="head-in">
        <Link to="/" class="brand">
          <Logo />
          <span class="brand-name">Hooklatch</span>
          {session.title !== "" && (
            <span class="environment">
              <Text value={session.title} />
            </span>
          )}
        </Link>
        <nav aria-label="Pages">
          <Link to="/" current={path === "/"}>
            <OverviewIcon /> Overview
          </Link>
          <Link to="/letters" current={path.startsWith("/letters")}>
            <LettersIcon /> Dead letters
          </Link>
          <Link to="/operations" current={path.startsWith("/operations")}>
            <SearchIcon /> Operations
          </Link>
        </nav>
        <div class="head-end">
          {session.readOnly && (
            <span class="badge plain" title="Nothing can be put back or discarded here.">
              <LockIcon /> read-only
            </span>
          )}
          {session.by !== undefined && (
            <span class="person" title="Who the server says you are">
              <Text value={session.by} />
            </span>
          )}
          <Freshness />
        </div>
      </div>
    </header>
  );
}

function Freshness() {
  const stopped = useShared(paused);
  const bad = useShared(failing).size > 0;
  const at = useShared(lastReadAt);
  useNow(1000);
  const words = bad ? "Not connected" : stopped ? "Paused" : "Live";
  return (
    <div class="freshness">
      <span class={`dot ${bad ? "bad" : stopped ? "still" : "good"}`} aria-hidden="true" />
      <span class="freshness-text">
        {words}
        {at > 0 && (stopped || bad) && <span class="quiet"> · read {ago(at, Date.now())}</span>}
      </span>
      <button
        type="button"
        class="icon-button"
        aria-label={stopped ? "Resume live updates" : "Pause live updates"}
        title={stopped ? "Resume live updates" : "Pause live updates"}
        onClick={() => paused.set(!stopped)}
      >
        {stopped ? <PlayIcon /> : <PauseIcon />}
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label="Refresh now"
        title="Refresh now"
        onClick={refreshAll}
      >
        <RefreshIcon />
      </button>
    </div>
  );
}

function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" width="26" height="26" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" fill="var(--logo)" />
      <path
        d="M20 7v11a5.5 5.5 0 0 1-11 0v-2m0 0-3 3m3-3 3 3"
        fill="none"
        stroke="#fff"
        stroke-width="3"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
      <circle cx="20" cy="7.5" r="2.5" fill="#fff" />
    </svg>
  );
}
