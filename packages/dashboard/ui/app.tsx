/** The page of the dashboard: one script, which the server sends as it is. */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Session } from "../src/api.js";
import { Banner } from "./banner.js";
import { Head } from "./head.js";
import { LetterPage } from "./letter.js";
import { LettersPage } from "./letters.js";
import { Link } from "./link.js";
import { Notices, unsay } from "./notice.js";
import { OperationsPage } from "./operations.js";
import { OverviewPage } from "./overview.js";
import { Missing, Page } from "./page.js";
import { usePolled } from "./poll.js";
import { usePlace } from "./router.js";
import { SessionContext } from "./session.js";

const SESSION_EVERY_MS = 60_000;
const RETRY_EVERY_MS = 5000;

function App() {
  const [known, learn] = useState(false);
  // What somebody may do can change while the page is open.
  const { data, problem } = usePolled<Session>("api/session", known ? SESSION_EVERY_MS : RETRY_EVERY_MS);
  useEffect(() => learn(data !== undefined), [data]);
  const { path } = usePlace();
  useEffect(unsay, [path]);
  if (data === undefined) {
    return (
      <main id="main" class="main">
        <Banner />
        <h1 class="hidden">Hooklatch</h1>
        <Missing problem={problem} />
      </main>
    );
  }
  return (
    <SessionContext.Provider value={data}>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Head />
      <main id="main" class="main" tabIndex={-1}>
        <Banner />
        <Notices />
        <Route path={path} />
      </main>
    </SessionContext.Provider>
  );
}

function Route({ path }: { path: string }) {
  if (path === "/") return <OverviewPage />;
  if (path === "/letters") return <LettersPage />;
  const id = /^\/letters\/([^/]+)$/.exec(path)?.[1];
  if (id !== undefined) return <LetterPage key={id} id={decoded(id)} />;
  if (path === "/operations") return <OperationsPage />;
  return (
    <Page title="Nothing here">
      <div class="empty">
        <p>There is no page at this address.</p>
        <p>
          <Link to="/">To the overview</Link>
        </p>
      </div>
    </Page>
  );
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const root = document.getElementById("app");
if (root) render(<App />, root);
