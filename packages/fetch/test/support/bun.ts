/** Run by Bun: the contract on `Bun.serve`, with the paths below the path that is given. */
import { reportCases } from "@hooklatch/servers";
import { adapterContract } from "@hooklatch/testing";
import { fetchOnBun } from "./bun-harness.js";

await reportCases(adapterContract(fetchOnBun(process.argv[2] ?? "")));
process.exit();
