/**
 * What looks at many partitions at once: due work and counts. One call covers all partitions whose keys are on one node, however many of
 * them are idle.
 *
 * KEYS are the bases of partitions (`<prefix>:{<tag>}:`). In a Cluster a call may declare keys of one slot only: the other partitions
 * of its node are then given by their tags, and those that the node does not have, or not wholly, because their slot is moving, are named
 * in the reply. Such a call only reads. `take` writes, and in a Cluster concerns one partition.
 */
import { headLua } from "./calls-lua.js";
import { lifeLua } from "./life-lua.js";

const partitionsLua = `${headLua}
local bases = {}
for i = 1, number() do bases[i] = KEYS[i] end
for _ = 1, number() do
  local tag = text()
  bases[#bases + 1] = string.gsub(KEYS[1], '{[^{}]*}:$', function() return '{' .. tag .. '}:' end)
end

-- Calls visit(base, its place) for each partition. Those that are not here are passed over, and listed.
local elsewhere = {}
local function each(visit)
  for place, base in ipairs(bases) do
    local ok, failure = pcall(visit, base, place)
    if not ok then
      local reason = type(failure) == 'table' and failure.err or tostring(failure)
      if not string.find(reason, 'non local key') then error(failure, 0) end
      elsewhere[#elsewhere + 1] = place
    end
  end
end

local function readScopes()
  local scopes = {}
  for i = 1, number() do scopes[i] = redis.sha1hex(text()) end
  return scopes
end
`;

/**
 * Whether, when and where there is work: `{ elsewhere, handed, runs, letters }`, each a list of places of partitions, those of runs and letters
 * after the time when each was due; the earliest `limit` of each partition. Writes nothing.
 */
export const peekLua = `${partitionsLua}
local owner, limit, scopes = redis.sha1hex(text()), number(), readScopes()
local handed, runs, letters = {}, {}, {}

local function due(into, place, set)
  local found = redis.call('ZRANGEBYSCORE', set, '-inf', now, 'WITHSCORES', 'LIMIT', 0, limit)
  for i = 2, #found, 2 do
    into[#into + 1] = found[i]
    into[#into + 1] = place
  end
end

each(function(base, place)
  if redis.call('EXISTS', base .. 'handed:' .. owner) == 1 then handed[#handed + 1] = place end
  for _, scope in ipairs(scopes) do
    due(runs, place, base .. 'running:' .. scope)
    due(runs, place, base .. 'waiting:' .. scope)
    due(letters, place, base .. 'letters:' .. scope)
  end
end)
return { elsewhere, handed, runs, letters }
`;

/**
 * Hands out the oldest due operations and letters, so many of each; or, to an owner that was handed some before, those again. `mark`: see
 * replicas.ts.
 */
export const takeLua = `${partitionsLua}
${lifeLua}
-- A letter that the sink refuses is offered again after 1, 2, 4, then always 8 leases.
local MAX_NOTE_BACKOFF = 3
-- For how long a resent call is recognised after the lease.
local RESENT_MS = 60000

local owner, leaseMs, runPlaces, letterPlaces, mark = text(), number(), number(), number(), text() == '1'
local scopes = readScopes()
if mark then redis.call('SET', bases[1] .. 'mark', now) end
local handedName = 'handed:' .. redis.sha1hex(owner)

local function runOf(key, life)
  local event = redis.call('GET', key .. ':event')
  if not event then return nil end
  return {
    'run', life.scope, life.tenant and '+' .. life.tenant or '-', life.key, life.token, life.attempt, flag(life.recovered),
    flag(life.replay), flag(life.letter ~= 'none'), event
  }
end

local function noteOf(life)
  local kind = life.letter == 'push' and 'push' or 'remove'
  return { kind, life.scope, life.tenant and '+' .. life.tenant or '-', life.key, life.token, life.bornAt }
end

local work = {}

-- A resent call: the same work again, and nothing else.
each(function(base)
  for _, name in ipairs(redis.call('SMEMBERS', base .. handedName)) do
    local key = base .. 'op:' .. name
    local life = read(key)
    if life and life.state == 'running' and life.stored and life.owner == owner then
      local next = changed(life, { leaseUntil = now + leaseMs })
      save(key, life, next)
      work[#work + 1] = runOf(key, next)
    elseif life and noteAt(life) and life.noteOwner == owner then
      work[#work + 1] = noteOf(life)
    end
  end
end)
if #work > 0 then return work end

local runs, letters = {}, {}
local function due(into, base, name, scope, most)
  if most == 0 then return end
  local set = base .. name .. scope
  local found = redis.call('ZRANGEBYSCORE', set, '-inf', now, 'WITHSCORES', 'LIMIT', 0, most)
  for i = 1, #found, 2 do
    into[#into + 1] = { name = found[i], at = tonumber(found[i + 1]), set = set, base = base, from = name }
  end
end
each(function(base)
  for _, scope in ipairs(scopes) do
    due(runs, base, 'running:', scope, runPlaces)
    due(runs, base, 'waiting:', scope, runPlaces)
    due(letters, base, 'letters:', scope, letterPlaces)
  end
end)

-- What the record says, not the index, decides what is handed out.
local function isDue(life, from)
  if from == 'letters:' then
    local at = noteAt(life)
    return at and at <= now
  end
  local place, at = placeOf(life)
  return place == from and at <= now
end

local function oldest(found, most, hand)
  table.sort(found, function(a, b) return a.at < b.at end)
  for i = 1, math.min(most, #found) do
    local name, set, base = found[i].name, found[i].set, found[i].base
    local key = base .. 'op:' .. name
    local life = read(key)
    evenIfFull(key)
    local given = life and isDue(life, found[i].from) and hand(key, life)
    if given then
      work[#work + 1] = given
      redis.call('SADD', base .. handedName, name)
      redis.call('PEXPIRE', base .. handedName, leaseMs + RESENT_MS)
    else
      -- Somebody has deleted its record, its event or a field of it: it must not stand at the head of the queue for ever.
      redis.call('ZREM', set, name)
    end
  end
end

oldest(letters, letterPlaces, function(key, life)
  local tries = life.noteTries or 0
  local backoff = 2 ^ math.min(tries, MAX_NOTE_BACKOFF)
  local next = changed(life, { noteOwner = owner, noteTries = tries + 1, noteDueAt = now + leaseMs * backoff })
  save(key, life, next)
  return noteOf(next)
end)
oldest(runs, runPlaces, function(key, life)
  local next = take(life, owner, leaseMs, life.attempt + 1)
  local run = runOf(key, next)
  if run then save(key, life, next) end
  return run
end)
return work
`;

const countsLua = `${partitionsLua}
-- Calls visit(state, scope, count) for all that is counted in a partition and has not gone.
local function eachCount(base, visit)
  local found = redis.call('HGETALL', base .. 'counts')
  for i = 1, #found, 2 do
    local state, moment, scope = string.match(found[i], '^(%a+)@?(%d*):(.*)$')
    if moment == '' or tonumber(moment) > now then visit(state, scope, found[i + 1]) end
  end
end
`;

/** Counts by state and scope, letters that are owed, and since when the oldest waiting operation has been due. Writes nothing. */
export const statsLua = `${countsLua}
local only = optional()
local counts = {}
local oldest = ''
local owed = 0

each(function(base)
  local here = {}
  eachCount(base, function(state, scope, count)
    if only and scope ~= only then return end
    counts[state] = (counts[state] or 0) + count
    here[scope] = true
  end)
  for scope in pairs(here) do
    local hash = redis.sha1hex(scope)
    owed = owed + redis.call('ZCARD', base .. 'letters:' .. hash)
    local first = redis.call('ZRANGE', base .. 'waiting:' .. hash, 0, 0, 'WITHSCORES')[2]
    if first and (oldest == '' or tonumber(first) < tonumber(oldest)) then oldest = first end
  end
end)

local reply = { elsewhere, owed, oldest }
for state, count in pairs(counts) do
  reply[#reply + 1] = state
  reply[#reply + 1] = count
end
return reply
`;

/** `{ elsewhere, scope, … }`: those that have operations, each once. Writes nothing. */
export const scopesLua = `${countsLua}
local reply, seen = { elsewhere }, {}
each(function(base)
  eachCount(base, function(_, scope)
    if seen[scope] then return end
    seen[scope] = true
    reply[#reply + 1] = scope
  end)
end)
return reply
`;
