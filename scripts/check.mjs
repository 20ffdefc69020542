// `pnpm test`: everything that must hold, one step after another. The last line is `N passed, N failed`: every vitest test counts
// as one, and so does each of the other steps.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { pnpmCommand } from "./pnpm.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const temp = mkdtempSync(join(tmpdir(), "hooklatch-check-"));
const report = join(temp, "vitest.json");
const [pnpm, ...first] = pnpmCommand();

const steps = [
  { name: "redis", args: ["redis"] },
  { name: "chromium", args: ["chromium"] },
  { name: "build", args: ["build"] },
  { name: "typecheck", args: ["typecheck"] },
  { name: "lint", args: ["lint"] },
  { name: "knip", args: ["knip"] },
  {
    name: "test:unit",
    args: ["test:unit", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
    // Without Redis tests would be left out, and "0 failed" would say more than it should.
    env: { HOOKLATCH_TEST_REDIS: "required" },
    count: countTests,
  },
  { name: "test:packages", args: ["test:packages"] },
];

let passed = 0;
let failed = 0;
/** @type {string[]} */
const broken = [];
try {
  for (const [index, step] of steps.entries()) {
    console.log(`\n[${index + 1}/${steps.length}] ${step.name}`);
    const started = performance.now();
    const ok = await run(step.args, step.env);
    const count = step.count ? step.count(ok) : { passed: ok ? 1 : 0, failed: ok ? 0 : 1 };
    passed += count.passed;
    failed += count.failed;
    if (count.failed > 0) broken.push(step.name);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `[${index + 1}/${steps.length}] ${step.name}: ${count.failed > 0 ? "FAILED" : "ok"} (${seconds} s)`,
    );
  }
} finally {
  rmSync(temp, { recursive: true, force: true });
}
console.log(broken.length > 0 ? `\nfailed: ${broken.join(", ")}` : "");
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

/** @param {string[]} args @param {NodeJS.ProcessEnv} [env] @returns {Promise<boolean>} */
function run(args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(pnpm, [...first, "--silent", "run", ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "inherit", "inherit"],
    });
    child.on("error", reject);
    child.on("close", (code) => resolve(code === 0));
  });
}

/**
 * Counts tests from vitest's JSON report. A file that could not be loaded, and a run that failed without a failing test (a crash, an
 * unhandled error), count as failed.
 *
 * @param {boolean} ok
 */
function countTests(ok) {
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, "utf8"));
    const unloaded = testResults.filter(
      (/** @type {{ status: string, assertionResults: { status: string }[] }} */ file) =>
        file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
    ).length;
    const failed = numFailedTests + unloaded;
    return { passed: numPassedTests, failed: ok ? failed : Math.max(failed, 1) };
  } catch {
    return { passed: 0, failed: 1 };
  }
}
