/**
 * The transitions of the life of an operation (DESIGN.md §3) in Lua: the same table as `@hooklatch/core/life`, which is the reference, function by
 * function. They run inside Redis, so that each is one atomic step under the server's clock. Payloads pass through as bytes: nothing here
 * looks into an event, a result, an error, or the record of an attempt or a replay.
 */
import { callsLua } from "./calls-lua.js";
import { lifeLua } from "./life-lua.js";
import { replayLua } from "./replay-lua.js";

const transitionsLua = `
${lifeLua}
-- Attempts kept for one operation; the oldest go first.
local MAX_ATTEMPTS_KEPT = 200

local function find(key)
  local life = read(key)
  if not life or not isExpired(life) then return life end
  drop(key, life)
end

local function claimed(life)
  return { 'claimed', life.token, life.attempt, flag(life.recovered), flag(life.replay), flag(life.letter ~= 'none') }
end

local function readId()
  return { scope = text(), tenant = optional(), key = text() }
end

local function readPayload()
  local given = text()
  return given == '1', text()
end

-- When to ask again about work that only workers take, and that is due.
local WORKERS_TURN_MS = 1000

-- An operator's edit runs: a delivery would bring back what was edited, so only workers take it, until this round ends.
local function runsEdited(life)
  return life.edited and life.replay and life.stored
end

local function differs(known, given)
  return known and given and known ~= given
end

-- A new operation, as save would write it.
local function born(key, id, r)
  local life = { state = 'running', letter = 'none', stored = r.hasEvent and '1' or nil, leaseUntil = now + r.leaseMs }
  life.goneAt = dropAt(life)
  local fields = {
    'scope', id.scope, 'key', id.key, 'state', 'running', 'owner', r.owner, 'token', 1, 'attempt', 1, 'round', 1, 'letter', 'none',
    'bornAt', now, 'changedAt', now, 'leaseUntil', life.leaseUntil
  }
  local function field(name, value)
    if not value then return end
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  field('tenant', id.tenant)
  field('fingerprint', r.fingerprint)
  field('stored', life.stored)
  field('goneAt', life.goneAt)
  redis.call('HSET', key, unpack(fields))
  if r.hasEvent then
    redis.call('SET', key .. ':event', r.event)
    index(key, 'running:', id.scope, nil, life.leaseUntil)
  end
  count(key, id.scope, labelOf(life), 1)
  if life.goneAt then redis.call('PEXPIREAT', key, life.goneAt) end
  return { 'claimed', 1, 1, 0, 0, 0 }
end

-- newRound: for an operation that begins again.
local function takenByDelivery(key, life, request, attempt, newRound)
  local next = take(changed(life, newRound or {}), request.owner, request.leaseMs, attempt)
  next.fingerprint = request.fingerprint or life.fingerprint
  if request.hasEvent then
    next.stored = '1'
    -- What is kept now is no edit any more.
    next.edited = nil
  end
  save(key, life, next)
  if request.hasEvent then redis.call('SET', key .. ':event', request.event) end
  if life.edited and not next.edited then redis.call('UNLINK', key .. ':original') end
  return claimed(next)
end

function verbs.claim(key)
  local id = readId()
  local r = { owner = text(), leaseMs = number(), fingerprint = optional(), redelivery = text(), redeliveryAfterMs = number() }
  r.hasEvent, r.event = readPayload()
  -- Nearly all are new, or completed: neither needs to be read whole.
  local state, fingerprint, letter, expiresAt, kept = unpack(redis.call('HMGET', key, 'state', 'fingerprint', 'letter', 'expiresAt', 'kept'))
  if not state then return born(key, id, r) end
  if state == 'completed' and letter ~= 'remove' and tonumber(expiresAt) > now then
    if differs(fingerprint, r.fingerprint) then return { 'mismatch' } end
    local result = kept and redis.call('GET', key .. ':result')
    return { 'completed', flag(result), result or '' }
  end
  local life = find(key)
  if not life then return born(key, id, r) end
  if differs(life.fingerprint, r.fingerprint) then return { 'mismatch' } end
  if life.state == 'completed' then
    local result = life.kept and redis.call('GET', key .. ':result')
    return { 'completed', flag(result), result or '' }
  end
  if life.state == 'running' then
    if life.owner == r.owner then
      local next = changed(life, { leaseUntil = now + r.leaseMs })
      save(key, life, next)
      return claimed(next)
    end
    local left = life.leaseUntil - now
    if left > 0 then return { 'running', left, flag(life.stored) } end
    if runsEdited(life) then return { 'running', WORKERS_TURN_MS, 1 } end
    return takenByDelivery(key, life, r, life.attempt + 1)
  end
  if life.state == 'waiting' then
    local left = life.dueAt - now
    if left > 0 then return { 'waiting', left, flag(life.stored) } end
    if runsEdited(life) then return { 'waiting', WORKERS_TURN_MS, 1 } end
    return takenByDelivery(key, life, r, life.attempt + 1)
  end
  if life.state == 'released' then
    -- Of a discarded one, the letter may still be in the queue.
    return takenByDelivery(key, life, r, 1, { round = life.round + 1, letter = life.letter == 'none' and 'none' or 'pushed' })
  end
  -- dead
  if r.redelivery == 'ignore' or now - life.changedAt < r.redeliveryAfterMs then
    return { 'dead', redis.call('HGET', key .. ':attempts', 'error') or '', life.letter, flag(life.stored) }
  end
  return takenByDelivery(key, life, r, 1, { round = life.round + 1, replay = false })
end

local function owed(life, letter)
  return changed(life, { letter = letter, noteOwner = false, noteDueAt = now, noteTries = false })
end

local function holds(life, owner, token)
  return life and life.owner == owner and life.token == token
end

-- Keeps the record of an attempt that ended, by its round and number: a resent one takes its own place.
local function keepEnded(key, next)
  local attempt, ended = text(), text()
  if attempt == '-' then return end
  local attempts = key .. ':attempts'
  redis.call('HSET', attempts, next.round .. '.' .. attempt, ended)
  next.failed = '1'
  if redis.call('HLEN', attempts) <= MAX_ATTEMPTS_KEPT then return end
  local kept = {}
  for _, field in ipairs(redis.call('HKEYS', attempts)) do
    local round, number = string.match(field, '^(%d+)%.(%d+)$')
    if round then kept[#kept + 1] = { field = field, round = tonumber(round), number = tonumber(number) } end
  end
  table.sort(kept, function(a, b)
    if a.round ~= b.round then return a.round < b.round end
    return a.number < b.number
  end)
  for i = 1, #kept - MAX_ATTEMPTS_KEPT do redis.call('HDEL', attempts, kept[i].field) end
end

-- A fenced write: it moves a running operation of this owner and token, or finds that it already did.
local function movedBy(key, owner, token, to, change)
  local life = read(key)
  if not holds(life, owner, token) then return 0 end
  if life.state == to then return 1 end
  if life.state ~= 'running' then return 0 end
  evenIfFull(key)
  local next = changed(life, { state = to, leaseUntil = false, changedAt = now })
  next = change(life, next) or next
  save(key, life, next)
  return 1
end

local function moved(key, to, change)
  return movedBy(key, text(), number(), to, change)
end

function verbs.extend(key)
  local owner, token, leaseMs, attempt = text(), number(), number(), number()
  local life = read(key)
  if not holds(life, owner, token) or life.state ~= 'running' then return 0 end
  evenIfFull(key)
  local next = changed(life, { leaseUntil = now + leaseMs, attempt = math.max(life.attempt, attempt) })
  keepEnded(key, next)
  save(key, life, next)
  return 1
end

-- The completion of an operation that has nothing beside it but its event, as save would write it. found: what it is known by.
local function completedQuickly(key, found, c)
  local scope, stored = found.scope, found.stored
  local life = { state = 'completed', letter = 'none', expiresAt = now + c.retentionMs }
  life.goneAt = dropAt(life)
  -- First what a full server allows: it refuses nothing after that.
  redis.call('HDEL', key, 'leaseUntil', 'stored')
  if stored then redis.call('UNLINK', key .. ':event') end
  local fields = { 'state', 'completed', 'changedAt', now, 'expiresAt', life.expiresAt, 'goneAt', life.goneAt }
  if c.last then
    fields[#fields + 1] = 'last'
    fields[#fields + 1] = c.last
  end
  if c.kept then
    fields[#fields + 1] = 'kept'
    fields[#fields + 1] = '1'
    redis.call('SET', key .. ':result', c.result, 'PXAT', string.format('%.0f', life.goneAt))
  end
  redis.call('HSET', key, unpack(fields))
  redis.call('PEXPIREAT', key, life.goneAt)
  if stored then index(key, 'running:', scope, true, nil) end
  count(key, scope, labelOf({ state = 'running', goneAt = found.goneAt and tonumber(found.goneAt) }), -1)
  count(key, scope, labelOf(life), 1)
  return 1
end

function verbs.complete(key)
  local owner, token = text(), number()
  local c = { retentionMs = number() }
  c.kept, c.result = readPayload()
  c.last = optional()
  local state, isOwner, isToken, letter, scope, stored, goneAt, kept, failed, history, edited = unpack(redis.call(
    'HMGET', key, 'state', 'owner', 'token', 'letter', 'scope', 'stored', 'goneAt', 'kept', 'failed', 'history', 'edited'
  ))
  local isOurs = state == 'running' and isOwner == owner and tonumber(isToken) == token
  if isOurs and letter == 'none' and not (kept or failed or history or edited) then
    return completedQuickly(key, { scope = scope, stored = stored, goneAt = goneAt }, c)
  end
  return movedBy(key, owner, token, 'completed', function(_, next)
    redis.call('UNLINK', key .. ':event')
    if c.last then next.last = c.last end
    next = changed(next, { stored = false, expiresAt = now + c.retentionMs, kept = c.kept and '1' or false })
    if next.letter ~= 'none' then next = owed(next, 'remove') end
    if c.kept then redis.call('SET', key .. ':result', c.result) end
    return next
  end)
end

function verbs.retry(key)
  return moved(key, 'waiting', function(life, next)
    local delayMs, notStarted, attempt = number(), text() == '1', optional()
    next.dueAt = now + delayMs
    if attempt then next.attempt = math.min(life.attempt, tonumber(attempt)) end
    if notStarted then next.attempt = math.max(0, next.attempt - 1) end
    next.recovered = notStarted and life.recovered or nil
    keepEnded(key, next)
  end)
end

function verbs.fail(key)
  return moved(key, 'dead', function(life, next)
    redis.call('HSET', key .. ':attempts', 'error', text())
    next.failed = '1'
    local letter = text() == '1'
    keepEnded(key, next)
    if letter then return owed(next, 'push') end
  end)
end

function verbs.release(key)
  local life = read(key)
  if life and life.stored then return 0 end
  return moved(key, 'released', function(_, next)
    next.expiresAt = now + number()
  end)
end

-- The record, if it is at the version that is given.
local function atVersion(key)
  local bornAt, token = number(), number()
  local life = read(key)
  if life and life.bornAt == bornAt and life.token == token then return life, bornAt, token end
  return nil, bornAt, token
end

function verbs.settle(key)
  local life = atVersion(key)
  local pushed = text() == 'pushed'
  local from, done = 'push', 'pushed'
  if not pushed then from, done = 'remove', 'none' end
  if not life then return 0 end
  local isItsState = life.state == 'dead'
  if not pushed then isItsState = life.state == 'completed' or life.state == 'released' end
  if not isItsState then return 0 end
  if life.letter == done then return 1 end
  if life.letter ~= from then return 0 end
  evenIfFull(key)
  save(key, life, changed(life, { letter = done, noteOwner = false, noteDueAt = false, noteTries = false }))
  return 1
end

function verbs.discard(key)
  local life = atVersion(key)
  if not life then return 0 end
  if isDiscarded(life) then return 1 end
  if life.state ~= 'dead' then return 0 end
  evenIfFull(key)
  -- What comes next is a new operation, but for its version: it is newer than the letter that must go.
  local next = changed(life, {
    state = 'released',
    -- No owner: whoever held it before finds its commands refused.
    owner = '',
    attempt = 0,
    round = 0,
    fingerprint = false,
    stored = false,
    edited = false,
    failed = false,
    history = false,
    replayId = false,
    replay = false,
    changedAt = now,
    expiresAt = now
  })
  save(key, life, owed(next, 'remove'))
  redis.call('UNLINK', key .. ':event', key .. ':attempts', key .. ':original', key .. ':replays')
  return 1
end

function verbs.outrank(key)
  local life, bornAt, token = atVersion(key)
  local risen = math.max(bornAt, number() + 1)
  if not life then
    local found = read(key)
    if not found or found.bornAt ~= risen or found.token ~= token then return 0 end
    life = found
  end
  if life.state ~= 'dead' or life.letter ~= 'push' then return 0 end
  evenIfFull(key)
  save(key, life, changed(life, { bornAt = risen }))
  return 1
end

${replayLua}
function verbs.get(key)
  local life = read(key)
  if not life or isExpired(life) then return {} end
  return {
    redis.call('HGETALL', key),
    life.stored and redis.call('GET', key .. ':event') or false,
    life.kept and redis.call('GET', key .. ':result') or false,
    life.failed and redis.call('HGETALL', key .. ':attempts') or {},
    life.history and redis.call('LRANGE', key .. ':replays', 0, -1) or {},
    life.edited and redis.call('GET', key .. ':original') or false
  }
end

function verbs.delete(key)
  local life = find(key)
  if not life then return 0 end
  drop(key, life)
  return 1
end
`;

export const operationsLua = callsLua(transitionsLua);
