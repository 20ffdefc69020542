/** Scripts of the store that are broken in one way each where operations are given up, letters outrank each other, or events are edited. */
import { mutant } from "./mutant.js";

const discarding = [
  mutant(
    "a version is a token alone",
    "if life and life.bornAt == bornAt and life.token == token then return",
    "if life and life.token == token then return",
    "discard: another life of the operation stays",
    "settle: refused in another life",
  ),
  mutant(
    "discard takes what is not dead",
    "  if isDiscarded(life) then return 1 end\n  if life.state ~= 'dead' then return 0 end\n",
    "",
    "discard: forgets a dead operation at this version",
  ),
  mutant(
    "discard owes no removal",
    "save(key, life, owed(next, 'remove'))",
    "save(key, life, next)",
    "discard: nothing is left but",
  ),
  mutant(
    "the note of a discard is handed out to nobody",
    "    or isDiscarded(life)\n",
    "",
    "discard: nothing is left but",
  ),
  mutant(
    "what is beside a discarded operation stays in Redis",
    "  redis.call('UNLINK', key .. ':event', key .. ':attempts', key .. ':original', key .. ':replays')\n  return 1",
    "  return 1",
    "discard: nothing is left beside the record",
  ),
  mutant(
    "a discarded key stays bound to its fingerprint",
    "    fingerprint = false,\n",
    "",
    "discard: what is delivered before the letter",
  ),
  mutant(
    "a discarded operation is put back",
    "    if isDiscarded(life) then return { 'superseded' } end\n",
    "",
    "discard: a replay that comes before",
  ),
  mutant(
    "what comes after a discard knows of no letter",
    "letter = life.letter == 'none' and 'none' or 'pushed' })",
    "letter = 'none' })",
    "discard: what is delivered before the letter",
  ),
  mutant(
    "outrank makes an operation older",
    "local risen = math.max(bornAt, number() + 1)",
    "local risen = number() + 1",
    "outrank: never makes an operation older",
  ),
  mutant(
    "outrank, resent, is refused",
    "if not found or found.bornAt ~= risen or found.token ~= token then return 0 end",
    "do return 0 end",
    "outrank: a dead operation whose letter is owed",
  ),
  mutant(
    "outrank takes what owes nothing",
    "  if life.state ~= 'dead' or life.letter ~= 'push' then return 0 end\n",
    "",
    "outrank: refused once the operation has moved on",
  ),
];

const editing = [
  mutant(
    "a delivery takes an edited event",
    "    if runsEdited(life) then return { 'waiting', WORKERS_TURN_MS, 1 } end\n",
    "",
    "claim: an edited event is run by workers alone",
  ),
  mutant(
    "a delivery takes an edited event whose lease ran out",
    "    if runsEdited(life) then return { 'running', WORKERS_TURN_MS, 1 } end\n",
    "",
    "claim: an edited event is run by workers alone",
  ),
  mutant(
    "a delivery takes no replay at all",
    "return life.edited and life.replay and life.stored",
    "return life.replay and life.stored",
    "claim: a replay without an edit",
  ),
  mutant(
    "what is delivered is shown as an edit",
    "    next.edited = nil\n",
    "",
    "claim: once the round of an edit is over",
  ),
];

export const discardMutants = [...discarding, ...editing];
