/**
 * One operation in Redis, in Lua: how it is read and written, with its place in the indexes and in the counts.
 *
 * Keys of one operation, `KEYS[i]` being the first:
 * - `<prefix>:{<tag>}:op:<name>`: a hash of small fields, times in ms since the epoch
 * - `…:event`, `…:result`: the payloads, apart, so that the hash stays compact in memory and a heartbeat reads no payload
 * - `…:attempts`: a hash of the attempts that ended, by `<round>.<attempt>`, and the `error` of a dead operation. That of a completion is in
 *   the first hash (`last`), so that most operations have no such key.
 * - `…:replays`, `…:original`: a list of the replays by operators, and the event as the sender delivered it where one of them edited it
 *
 * Keys of its partition:
 * - `<prefix>:{<tag>}:running:<scope hash>`, `…:waiting:…`, `…:letters:…`: operations that keep an event, by the end of their lease or the time
 *   they are due; and letters that are owed, by when they are due
 * - `<prefix>:{<tag>}:counts`: how many operations there are, by state and scope
 * - `<prefix>:{<tag>}:handed:<owner hash>`: what one `claimDue` was given, for a while, so that a resent one is given the same
 */
export const lifeLua = `
local NUMBERS = {
  'token', 'attempt', 'round', 'noteDueAt', 'noteTries', 'bornAt', 'changedAt', 'leaseUntil', 'dueAt', 'expiresAt', 'goneAt'
}
-- Records that keep no event and were abandoned by their owner go after this time.
local ABANDONED_RETENTION_MS = 24 * 60 * 60 * 1000

-- What a record may have beside it, by the field that says so. Its event is no such thing: a record that has one never goes by itself.
local BESIDE = { kept = ':result', failed = ':attempts', history = ':replays', edited = ':original' }

-- An operation's key is the base of its partition, 'op:' and 64 hex digits. All keys of a partition begin with its base, which ends with
-- the hash tag, so they are in one slot.
local function baseOf(key)
  return string.sub(key, 1, -68)
end
local function nameOf(key)
  return string.sub(key, -64)
end

local hashes = {}
local function hash(scope)
  local known = hashes[scope]
  if not known then
    known = redis.sha1hex(scope)
    hashes[scope] = known
  end
  return known
end

local function read(key)
  local found = redis.call('HGETALL', key)
  if not found[1] then return nil end
  local life = {}
  for i = 1, #found, 2 do life[found[i]] = found[i + 1] end
  for _, field in ipairs(NUMBERS) do
    local value = life[field]
    if value then life[field] = tonumber(value) end
  end
  return life
end

local function changed(life, changes)
  local next = {}
  for field, value in pairs(life) do next[field] = value end
  for field, value in pairs(changes) do
    -- false: no such field any more.
    if value == false then next[field] = nil else next[field] = value end
  end
  return next
end

-- When the record counts as absent. One that still owes the sink a removal stays until that is settled.
local function expiryOf(life)
  if life.letter == 'remove' then return nil end
  if life.state == 'completed' or life.state == 'released' then return life.expiresAt end
  if life.state == 'running' and not life.stored then return life.leaseUntil + ABANDONED_RETENTION_MS end
end

local function isExpired(life)
  local expiry = expiryOf(life)
  return expiry ~= nil and expiry <= now
end

-- When Redis itself drops the record: at its expiry, or a little later, so that all of a scope that go at about the same time can be
-- counted together (see count). At most a sixteenth of the time later, and 16 ms.
local function dropAt(life)
  local expiry = expiryOf(life)
  if not expiry then return nil end
  local width = 16
  while width * 32 < expiry - now do width = width * 2 end
  return math.ceil(expiry / width) * width
end

-- Which index of its scope an operation stands in, and at what score. One without an event is nobody's due work.
local function placeOf(life)
  if not life.stored then return nil end
  if life.state == 'running' then return 'running:', life.leaseUntil end
  if life.state == 'waiting' then return 'waiting:', life.dueAt end
end

-- Given up, and its letter is still to be removed.
local function isDiscarded(life)
  return life.state == 'released' and life.letter == 'remove'
end

local function noteAt(life)
  local owed = (life.state == 'dead' and life.letter == 'push') or (life.state == 'completed' and life.letter == 'remove')
    or isDiscarded(life)
  if owed then return life.noteDueAt end
end

local function index(key, name, scope, before, after)
  if before == after then return end
  local set = baseOf(key) .. name .. hash(scope)
  if after then redis.call('ZADD', set, after, nameOf(key)) else redis.call('ZREM', set, nameOf(key)) end
end

-- Records that Redis drops are counted under the moment at which it does so. A count whose moment is over is none.
local function labelOf(life)
  if life.goneAt then return string.format('%s@%.0f', life.state, life.goneAt) end
  return life.state
end

local function count(key, scope, label, by)
  local counts = baseOf(key) .. 'counts'
  local total = redis.call('HINCRBY', counts, label .. ':' .. scope, by)
  if total <= 0 then redis.call('HDEL', counts, label .. ':' .. scope) end
  if total ~= 1 or by ~= 1 or not string.find(label, '@') then return end
  -- A new moment: a good time to forget those that are over.
  for _, field in ipairs(redis.call('HKEYS', counts)) do
    local moment = string.match(field, '^%a+@(%d+):')
    if moment and tonumber(moment) <= now then redis.call('HDEL', counts, field) end
  end
end

-- A server that is full refuses to take more; what is running must still come to its end. After a write that needs no memory, Redis
-- refuses no other in the same script.
local function evenIfFull(key)
  redis.call('HDEL', key, '')
end

-- Has Redis drop the record, and all that is beside it, at its moment; or not at all.
local function setExpiry(key, life, next)
  if next.goneAt then
    local all = not life or life.goneAt ~= next.goneAt
    if all then redis.call('PEXPIREAT', key, next.goneAt) end
    for field, suffix in pairs(BESIDE) do
      if next[field] and (all or not life[field]) then redis.call('PEXPIREAT', key .. suffix, next.goneAt) end
    end
  elseif life and life.goneAt then
    redis.call('PERSIST', key)
    for field, suffix in pairs(BESIDE) do
      if next[field] then redis.call('PERSIST', key .. suffix) end
    end
  end
end

-- Writes what a transition changed: the record, its place in the indexes, the counts, and when it goes. life: nil for one that is new.
local function save(key, life, next)
  next.goneAt = dropAt(next)
  local set, unset = {}, {}
  for field, value in pairs(next) do
    if not life or life[field] ~= value then
      set[#set + 1] = field
      set[#set + 1] = value
    end
  end
  if life then
    for field in pairs(life) do
      if next[field] == nil then unset[#unset + 1] = field end
    end
    if #unset > 0 then redis.call('HDEL', key, unpack(unset)) end
  end
  if #set > 0 then redis.call('HSET', key, unpack(set)) end

  local scope = next.scope
  local wasIn, wasAt, isIn, isAt
  if life then wasIn, wasAt = placeOf(life) end
  isIn, isAt = placeOf(next)
  if wasIn and wasIn ~= isIn then index(key, wasIn, scope, wasAt, nil) end
  if isIn then index(key, isIn, scope, wasIn == isIn and wasAt or nil, isAt) end
  index(key, 'letters:', scope, life and noteAt(life) or nil, noteAt(next))

  local was, is = life and labelOf(life), labelOf(next)
  if was ~= is then
    if was then count(key, scope, was, -1) end
    count(key, scope, is, 1)
  end
  setExpiry(key, life, next)
end

local function drop(key, life)
  local place, placedAt = placeOf(life)
  if place then index(key, place, life.scope, placedAt, nil) end
  index(key, 'letters:', life.scope, noteAt(life), nil)
  count(key, life.scope, labelOf(life), -1)
  redis.call('UNLINK', key, key .. ':event', key .. ':result', key .. ':attempts', key .. ':replays', key .. ':original')
end

-- A claim by a delivery or by a worker.
local function take(life, owner, leaseMs, attempt)
  return changed(life, {
    state = 'running',
    owner = owner,
    token = life.token + 1,
    attempt = attempt,
    -- Also one that was handed back before its attempt started: the crash before is still the last thing that happened to it.
    recovered = (life.state == 'running' or (life.state == 'waiting' and life.recovered)) and '1' or false,
    changedAt = now,
    leaseUntil = now + leaseMs,
    dueAt = false,
    expiresAt = false
  })
end

`;
