/** Scripts of the store that are broken in one way each. */
import { discardMutants } from "./discard-mutants.js";
import { mutant } from "./mutant.js";

const perVerb = (promise: string): string[] =>
  ["extend", "complete", "retry", "fail", "release"].map((verb) => `${verb}: ${promise}`);

const fencing = [
  mutant(
    "tokens are not compared",
    "life.owner == owner and life.token == token",
    "life.owner == owner",
    ...perVerb("refused with another token"),
  ),
  mutant(
    "owners are not compared",
    "return life and life.owner == owner and life.token == token",
    "return life and life.token == token",
    ...perVerb("refused with another owner's name"),
  ),
  mutant(
    "a resent claim is taken for a foreign one",
    "    if life.owner == r.owner then\n",
    "    if false then\n",
    "claim: resent by its owner, it gives the same token",
  ),
  mutant(
    "a resent claim does not renew the lease it names",
    "{ leaseUntil = now + r.leaseMs }",
    "{ leaseUntil = now }",
    "claim: resent by its owner, it gives the same token",
  ),
  mutant(
    "complete overwrites what has ended",
    "  if life.state == to then return 1 end\n  if life.state ~= 'running' then return 0 end\n",
    "  if life.state == to then return 1 end\n",
    "retry: nothing else is accepted",
    "fail: nothing else is accepted",
  ),
  mutant(
    "what is resent is refused",
    "  if life.state == to then return 1 end",
    "  if life.state == to then return 0 end",
    ...perVerb("resent, it gives the same answer").filter((name) => !name.startsWith("extend")),
  ),
  mutant(
    "an extension wakes up what has ended",
    "if not holds(life, owner, token) or life.state ~= 'running' then return 0 end",
    "if not holds(life, owner, token) then return 0 end",
    "complete: nothing else is accepted",
  ),
];

const claiming = [
  mutant(
    "the lease is taken for seconds",
    "or nil, leaseUntil = now + r.leaseMs }",
    "or nil, leaseUntil = now + r.leaseMs * 1000 }",
    "claim: a running operation says how long its lease lasts",
  ),
  mutant(
    "a claim is taken over before its lease ran out",
    "if left > 0 then return { 'running', left, flag(life.stored) } end",
    "",
    "claim: of 32 callers",
  ),
  mutant(
    "a waiting operation is taken before it is due",
    "if left > 0 then return { 'waiting', left, flag(life.stored) } end",
    "",
    "claim: a waiting operation that is not due says when",
  ),
  mutant(
    "fingerprints are compared only with completed operations",
    "if differs(life.fingerprint, r.fingerprint) then",
    "if life.state == 'completed' and differs(life.fingerprint, r.fingerprint) then",
    "claim: another fingerprint is a mismatch that changes nothing: running (",
    "claim: another fingerprint is a mismatch that changes nothing: dead",
  ),
  mutant(
    "an absent fingerprint is a mismatch",
    "return known and given and known",
    "return known",
    "claim: a fingerprint that is absent on either side",
  ),
  mutant(
    "redelivery is not looked at",
    "if r.redelivery == 'ignore' or now",
    "if now",
    "claim: a dead operation is never run again with redelivery ignore",
  ),
  mutant(
    "a dead operation is run again at once",
    " or now - life.changedAt < r.redeliveryAfterMs then",
    " then",
    "claim: a dead operation is not run again before",
  ),
  mutant(
    "a redelivery does not replace the event",
    "  if request.hasEvent then redis.call('SET', key .. ':event', request.event) end",
    "",
    "claim: one that takes an existing operation replaces its event",
  ),
  mutant(
    "a redelivery unbinds the fingerprint",
    "next.fingerprint = request.fingerprint or life.fingerprint",
    "next.fingerprint = request.fingerprint",
    "claim: one that brings no fingerprint does not unbind",
  ),
  mutant(
    "a crash is not recovered",
    "recovered = (life.state == 'running' or (life.state == 'waiting' and life.recovered)) and '1' or false,",
    "recovered = false,",
    "claim: a lease that ran out is taken over",
  ),
  mutant(
    "tokens do not grow",
    "token = life.token + 1,",
    "token = life.token,",
    "claim: a lease that ran out",
  ),
  mutant(
    "a new round goes on counting",
    "return takenByDelivery(key, life, r, 1, { round = life.round + 1, replay = false })",
    "return takenByDelivery(key, life, r, life.attempt + 1, { round = life.round + 1, replay = false })",
    "claim: a dead operation delivered again later begins a new round",
  ),
];

const moving = [
  mutant(
    "retry drops the event",
    "    next.dueAt = now + delayMs\n",
    "    next.dueAt = now + delayMs\n    redis.call('UNLINK', key .. ':event')\n",
    "claimDue: hands waiting operations out",
  ),
  mutant(
    "attempts are counted when they fail",
    "    if notStarted then next.attempt = math.max(0, next.attempt - 1) end",
    "    next.attempt = notStarted and next.attempt or next.attempt + 1",
    "attempts: failing does not count one",
  ),
  mutant(
    "retry raises the attempts",
    "next.attempt = math.min(life.attempt, tonumber(attempt))",
    "next.attempt = tonumber(attempt)",
    "attempts: retry sets them to those that really started",
  ),
  mutant(
    "an extension lowers the attempts",
    "attempt = math.max(life.attempt, attempt) })",
    "attempt = attempt })",
    "attempts: extend raises their number, and never lowers it",
  ),
  mutant(
    "an extension does not extend",
    "changed(life, { leaseUntil = now + leaseMs, attempt =",
    "changed(life, { attempt =",
    "extend: keeps others out",
  ),
  mutant(
    "what ended is added, not replaced",
    "next.round .. '.' .. attempt, ended)",
    "next.round .. '.' .. attempt + 10 * redis.call('HLEN', attempts), ended)",
    "attempts: what ended is kept once for each attempt",
  ),
  mutant(
    "the accounts of all attempts are kept for ever",
    "  if redis.call('HLEN', attempts) <= MAX_ATTEMPTS_KEPT then return end\n",
    "  if true then return end\n",
    "attempts: of very many",
  ),
  mutant(
    "retention is as long as the lease",
    "letter = 'none', expiresAt = now + c.retentionMs }",
    "letter = 'none', expiresAt = now + 60000 }",
    "retention: it is not the lease",
  ),
  mutant(
    "an expired record is still there",
    "  return expiry ~= nil and expiry <= now\n",
    "  return false\n",
    "retention: what is over is absent, also while Redis",
  ),
  mutant(
    "what owes a removal expires",
    "  if life.letter == 'remove' then return nil end\n",
    "",
    "retention: a completed operation whose letter must still go",
  ),
  mutant(
    "an expired record is not dropped before its key is new",
    "  drop(key, life)\nend\n\nlocal function claimed",
    "end\n\nlocal function claimed",
    "retention: what is over is absent, also while Redis",
  ),
  mutant(
    "release with an event is accepted",
    "  if life and life.stored then return 0 end\n",
    "",
    "release: refused where an event is kept",
  ),
  mutant(
    "no result and an empty one are the same",
    "  return given == '1', text()\n",
    "  return given ~= '', text()\n",
    "payload: a result that is not kept is null",
  ),
];

const replaying = [
  mutant(
    "replay ids are not remembered",
    "    if isKnown(key, life, replayId, jsonId) then return { 'scheduled' } end\n",
    "",
    "schedule: the same replay id puts nothing back twice",
  ),
  mutant(
    "a takeover by force keeps the token",
    "token = found.token + ((life and life.state == 'running') and 1 or 0),",
    "token = found.token,",
    "schedule: by force, it takes a running operation over",
  ),
  mutant(
    "schedule always takes over",
    "    if life.state == 'running' and not force then return { 'running' } end\n",
    "",
    "schedule: refused while the operation runs",
  ),
  mutant(
    "schedule does not look at the token",
    "    if expectedToken and expectedToken ~= life.token then return { 'superseded' } end\n",
    "",
    "schedule: refused as superseded",
  ),
  mutant(
    "schedule does not look at the life",
    "    if expectedBornAt and expectedBornAt ~= life.bornAt then return { 'superseded' } end\n",
    "",
    "schedule: refused as superseded when it is another life",
  ),
  mutant(
    "the last replay id alone is remembered",
    "  if not life.history then return false end\n",
    "  do return false end\n",
    "schedule: a replay id of before another replay",
  ),
  mutant(
    "a replay id that begins like another is taken for it",
    "local beginning = '{\"replayId\":' .. jsonId",
    "local beginning = '{\"replayId\":' .. string.sub(jsonId, 1, -2)",
    "schedule: a replay id of before another replay",
  ),
  mutant(
    "schedule keeps the owner",
    "    owner = '',\n    token = found.token + ((life and life.state == 'running') and 1 or 0),",
    "    owner = found.owner or '',\n    token = found.token,",
    "schedule: by force, it takes a running operation over",
  ),
];

const remembering = [
  mutant(
    "a record does not say what is beside it",
    "    history = '1',\n",
    "",
    "schedule: keeps who replayed",
  ),
  mutant(
    "all replays are kept for ever",
    "  redis.call('LTRIM', replays, -MAX_REPLAYS_KEPT, -1)\n",
    "",
    "schedule: the last 200 replays",
    "schedule: the past of another store",
  ),
  mutant(
    "a replay has the round before it",
    "string.format('%d %.0f ', next.round, now)",
    "string.format('%d %.0f ', found.round, now)",
    "schedule: keeps who replayed",
  ),
  mutant(
    "each edit makes another original",
    "  if hasOriginal and not found.edited then",
    "  if hasOriginal then",
    "schedule: of several edits",
    "schedule: an event that came without a byte",
  ),
  mutant(
    "an operation that is there is given a past",
    "local past = not life and readPast() or nil",
    "local past = readPast()",
    "schedule: what is told of its past",
  ),
  mutant(
    "an operation of another store is young",
    "bornAt = past and past.bornAt or now\n",
    "bornAt = now\n",
    "schedule: an operation of which the store has no record",
  ),
  mutant(
    "the replays of another store are forgotten",
    "  if past and past.replays[1] then redis.call('RPUSH', replays, unpack(past.replays)) end\n",
    "",
    "schedule: an operation of which the store has no record",
  ),
  mutant(
    "a stranger's replays are taken for one's own",
    "  if not found.history then redis.call('UNLINK', replays) end\n",
    "",
    "schedule: what another operation of this name",
  ),
  mutant(
    "replays outlive their operation",
    "history = ':replays', edited = ':original' }",
    "}",
    "schedule: what is kept of a replay",
  ),
  mutant(
    "replays outlive an operation that is deleted",
    ", key .. ':replays', key .. ':original')",
    ")",
    "schedule: what is kept of a replay",
  ),
];

const burying = [
  mutant(
    "settle does not look at the token",
    "if life and life.bornAt == bornAt and life.token == token then return",
    "if life and life.bornAt == bornAt then return",
    "settle: refused with a stale token",
  ),
  mutant(
    "a settled letter is handed out again",
    "save(key, life, changed(life, { letter = done, noteOwner = false, noteDueAt = false, noteTries = false }))",
    "",
    "letter: once settled it is not handed out again",
  ),
  mutant(
    "the removal is not noted",
    "    if next.letter ~= 'none' then next = owed(next, 'remove') end\n",
    "",
    "letter: a completion has it removed",
  ),
  mutant(
    "a letter that is not settled comes back at once",
    "noteTries = tries + 1, noteDueAt = now + leaseMs * backoff })",
    "noteTries = tries + 1, noteDueAt = now })",
    "letter: a death that owes one has it pushed by one worker",
  ),
  mutant(
    "notes are not backed off",
    "noteDueAt = now + leaseMs * backoff })",
    "noteDueAt = now + leaseMs })",
    "letter: offered again after 1, 2, 4 and then always 8 leases",
  ),
];

const working = [
  mutant(
    "what was handed out is not remembered for a resent claimDue",
    "      redis.call('SADD', base .. handedName, name)\n",
    "",
    "claimDue: resent by its owner",
  ),
  mutant(
    "claimDue gives the work of every scope",
    "local set = base .. name .. scope\n",
    "local set = redis.call('KEYS', base .. name .. '*')[1] or 'none'\n",
    "claimDue: gives work of the scopes it was asked for",
  ),
  mutant(
    "the limit is not looked at",
    "  for i = 1, math.min(most, #found) do\n    local name, set",
    "  for i = 1, #found do\n    local name, set",
    "claimDue: gives all that is due, and never more than `limit`",
  ),
  mutant(
    "work that is not due is handed out",
    "  local found = redis.call('ZRANGEBYSCORE', set, '-inf', now, 'WITHSCORES', 'LIMIT', 0, limit)",
    "  local found = redis.call('ZRANGEBYSCORE', set, '-inf', now, 'WITHSCORES', 'LIMIT', 0, 0)",
    "claimDue: hands waiting operations out",
  ),
  mutant(
    "claimDue does not count the attempt",
    "local next = take(life, owner, leaseMs, life.attempt + 1)",
    "local next = take(life, owner, leaseMs, life.attempt)",
    "claimDue: hands a run whose lease ran out",
  ),
  mutant(
    "claimDue does not renew the lease of resent work",
    "      local next = changed(life, { leaseUntil = now + leaseMs })",
    "      local next = changed(life, { leaseUntil = now })",
    "claimDue: resent, it renews the lease",
  ),
];

const counting = [
  mutant(
    "stats never go down",
    "    if was then count(key, scope, was, -1) end\n",
    "",
    "stats: follows every transition",
  ),
  mutant(
    "deleted operations stay counted",
    "  count(key, life.scope, labelOf(life), -1)\n",
    "",
    "stats: follows every transition",
  ),
  mutant(
    "stats count every scope",
    "    if only and scope ~= only then return end\n",
    "",
    "stats: counts each state, of one scope",
  ),
  mutant(
    "what has gone is counted",
    "if moment == '' or tonumber(moment) > now then",
    "if true then",
    "stats: what Redis drops by itself",
    "scopes: those that have operations",
  ),
  mutant(
    "the letters of other states are owed too",
    "owed = owed + redis.call('ZCARD', base .. 'letters:' .. hash)",
    "owed = owed + redis.call('ZCARD', base .. 'waiting:' .. hash)",
    "stats: counts the letters that are not settled",
  ),
];

export const storeMutants = [
  ...fencing,
  ...claiming,
  ...moving,
  ...replaying,
  ...remembering,
  ...discardMutants,
  ...burying,
  ...working,
  ...counting,
];
