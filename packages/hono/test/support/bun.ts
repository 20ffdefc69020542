/** Run by Bun: the contract on `Bun.serve`, with the routes below the path that is given. */
import { reportCases } from "@hooklatch/servers";
import { adapterContract } from "@hooklatch/testing";
import { honoOnBun } from "./bun-harness.js";

await reportCases(adapterContract(honoOnBun(process.argv[2] ?? "")));
process.exit();
