/**
 * An operator's replay, in Lua, and what is kept of it: the round and the time are the store's, its id comes first in the rest, all else is opaque
 * here. A part of the script of operations-lua.ts.
 */
export const replayLua = `
-- Replays kept for one operation; the oldest go first.
local MAX_REPLAYS_KEPT = 200

-- What another store knew of an operation that this one has no record of.
local function readPast()
  local bornAt = optional()
  if not bornAt then return nil end
  local past = { bornAt = tonumber(bornAt), round = number(), attempts = {}, replays = {} }
  for _, list in ipairs({ past.attempts, past.replays }) do
    for i = 1, number() do list[i] = text() end
  end
  return past
end

-- found: the record before this replay. What it does not know of, somebody else left behind: it is no part of its history.
local function keepHistory(key, found, past, record)
  local attempts, replays = key .. ':attempts', key .. ':replays'
  if past and past.attempts[1] then
    redis.call('UNLINK', attempts)
    redis.call('HSET', attempts, unpack(past.attempts))
  end
  if not found.history then redis.call('UNLINK', replays) end
  if past and past.replays[1] then redis.call('RPUSH', replays, unpack(past.replays)) end
  redis.call('RPUSH', replays, record)
  redis.call('LTRIM', replays, -MAX_REPLAYS_KEPT, -1)
end

-- Whether one of the replays that are kept had this id. jsonId: as it stands in their JSON.
local function isKnown(key, life, replayId, jsonId)
  if life.replayId == replayId then return true end
  if not life.history then return false end
  local beginning = '{"replayId":' .. jsonId
  for _, kept in ipairs(redis.call('LRANGE', key .. ':replays', 0, -1)) do
    local from = string.find(kept, '{', 1, true)
    if from and string.sub(kept, from, from + #beginning - 1) == beginning then return true end
  end
  return false
end

function verbs.schedule(key)
  local id = readId()
  local replayId, jsonId, delayMs = text(), text(), number()
  local expectedToken, expectedBornAt, force, about = optional(), optional(), text() == '1', text()
  local hasEvent, event = readPayload()
  local hasOriginal, original = readPayload()
  expectedToken, expectedBornAt = tonumber(expectedToken), tonumber(expectedBornAt)
  local life = find(key)
  if life then
    if isKnown(key, life, replayId, jsonId) then return { 'scheduled' } end
    if life.state == 'completed' then return { 'completed' } end
    if life.state == 'running' and not force then return { 'running' } end
    if isDiscarded(life) then return { 'superseded' } end
    if expectedToken and expectedToken ~= life.token then return { 'superseded' } end
    if expectedBornAt and expectedBornAt ~= life.bornAt then return { 'superseded' } end
  end
  if not hasEvent and not (life and life.stored) then return { 'event_not_kept' } end
  local past = not life and readPast() or nil
  local found = life or {
    scope = id.scope, tenant = id.tenant, key = id.key, token = expectedToken or 0, letter = 'pushed',
    round = past and past.round or 0, bornAt = past and past.bornAt or now
  }
  local next = changed(found, {
    state = 'waiting',
    -- No owner: whoever held it before finds its commands refused.
    owner = '',
    token = found.token + ((life and life.state == 'running') and 1 or 0),
    attempt = 0,
    recovered = false,
    round = found.round + 1,
    stored = '1',
    failed = past and past.attempts[1] and '1' or nil,
    history = '1',
    edited = hasOriginal and '1' or nil,
    noteOwner = false,
    noteDueAt = false,
    noteTries = false,
    replayId = replayId,
    replay = '1',
    changedAt = now,
    leaseUntil = false,
    dueAt = now + delayMs,
    expiresAt = false
  })
  save(key, life, next)
  keepHistory(key, found, past, string.format('%d %.0f ', next.round, now) .. about)
  if hasEvent then redis.call('SET', key .. ':event', event) end
  -- Of several edits, the first one replaced what the sender delivered.
  if hasOriginal and not found.edited then redis.call('SET', key .. ':original', original) end
  return { 'scheduled' }
end
`;
