/**
 * Dead letters in Lua. All letters of a queue are in one slot, so that each verb is one atomic step.
 *
 * - `<base>letter:<id>`: a hash: what letters are found by, their details as JSON, their events as bytes
 * - `<base>removed:<id>`: the version of a removed letter, for 7 days, to keep out a push that is still on its way
 * - `<base>all`, `<base>scope:…`, `<base>error:…`, `<base>scope-error:…`, `<base>tenant:…`, `<base>key:…`: ids by arrival (µs since the
 *   epoch, each later than the one before), for each way of asking; names are hashes, because user text is never part of a key
 * - `<base>failed`, `<base>died`, `<base>replays`: ids by the first failure, by the last one, and by the number of replays
 * - `<base>texts`: what the error of each says, for `errorText`; apart, so that many are read at once
 * - `<base>last`: the last arrival
 *
 * `KEYS[i]` is always the base.
 */
import { callsLua } from "./calls-lua.js";
import { letterFindingLua } from "./letter-finding-lua.js";

const verbsLua = `
local TOMBSTONE_MS = 7 * 24 * 60 * 60 * 1000
local FOUND_BY = { 'scope', 'key', 'errorName', 'errorCode', 'tenant' }

local function hash(value)
  return redis.sha1hex(value)
end

-- The indexes in which a letter stands.
local function indexesOf(base, scope, key, errorName, errorCode, tenant)
  local names = { base .. 'all', base .. 'scope:' .. hash(scope), base .. 'key:' .. hash(key) }
  for _, name in ipairs({ errorName, errorCode ~= errorName and errorCode or '' }) do
    if name ~= '' then
      names[#names + 1] = base .. 'error:' .. hash(name)
      names[#names + 1] = base .. 'scope-error:' .. hash(scope) .. ':' .. hash(name)
    end
  end
  if tenant then names[#names + 1] = base .. 'tenant:' .. hash(tenant) end
  return names
end

local function indexesOfKept(base, letter)
  return indexesOf(base, unpack(redis.call('HMGET', letter, unpack(FOUND_BY))))
end

-- Indexes by a number of the letter's own.
local NUMBERS = { 'failed', 'died', 'replays' }

-- Reads the numbers of a letter into their indexes.
local function indexNumbers(base, id)
  for _, name in ipairs(NUMBERS) do redis.call('ZADD', base .. name, text(), id) end
end

local function isNewer(bornAt, token, thanBornAt, thanToken)
  if bornAt ~= thanBornAt then return bornAt > thanBornAt end
  return token > thanToken
end

local function versionIn(values)
  if values[1] and values[2] then return tonumber(values[1]), tonumber(values[2]) end
end

-- The version that is there, of a letter or of a removed one.
local function versionOf(base, id)
  local bornAt, token = versionIn(redis.call('HMGET', base .. 'letter:' .. id, 'bornAt', 'token'))
  if bornAt then return bornAt, token, true end
  bornAt, token = versionIn(redis.call('HMGET', base .. 'removed:' .. id, 'bornAt', 'token'))
  return bornAt, token, false
end

function verbs.push(base)
  -- own, or from elsewhere: import, restore.
  local as = text()
  local id, scope, tenant, key = text(), text(), optional(), text()
  local bornAt, token, errorName, errorCode, errorText = number(), number(), text(), text(), text()
  local details, event, hasOriginal, original = text(), text(), text() == '1', text()
  local letter = base .. 'letter:' .. id
  local keptBornAt, keptToken, there = versionOf(base, id)
  if as == 'restore' and not there then keptBornAt = nil end
  local stays = there and as ~= 'own'
  if keptBornAt and (stays or not isNewer(bornAt, token, keptBornAt, keptToken)) then
    if not isNewer(keptBornAt, keptToken, bornAt, token) then return 0 end
    return { string.format('%.0f', keptBornAt), keptToken }
  end
  local arrival
  if there then
    arrival = redis.call('HGET', letter, 'arrival')
    for _, name in ipairs(indexesOfKept(base, letter)) do redis.call('ZREM', name, id) end
  else
    local last = tonumber(redis.call('GET', base .. 'last') or '0')
    arrival = string.format('%.0f', math.max(time[1] * 1000000 + time[2], last + 1))
    redis.call('SET', base .. 'last', arrival)
    redis.call('UNLINK', base .. 'removed:' .. id)
  end
  redis.call('HSET', letter, 'id', id, 'scope', scope, 'key', key, 'bornAt', string.format('%.0f', bornAt), 'token', token,
    'errorName', errorName, 'errorCode', errorCode, 'arrival', arrival, 'details', details, 'event', event)
  if tenant then redis.call('HSET', letter, 'tenant', tenant) else redis.call('HDEL', letter, 'tenant') end
  if hasOriginal then redis.call('HSET', letter, 'original', original) else redis.call('HDEL', letter, 'original') end
  for _, name in ipairs(indexesOf(base, scope, key, errorName, errorCode, tenant)) do redis.call('ZADD', name, arrival, id) end
  redis.call('HSET', base .. 'texts', id, errorText)
  indexNumbers(base, id)
  return 1
end

function verbs.remove(base)
  local id, upToBornAt, upToToken = text(), optional(), optional()
  local bornAt, token, there = versionOf(base, id)
  if upToBornAt then
    upToBornAt, upToToken = tonumber(upToBornAt), tonumber(upToToken)
    if bornAt and isNewer(bornAt, token, upToBornAt, upToToken) then return 0 end
    bornAt, token = upToBornAt, upToToken
  end
  if not bornAt then return 0 end
  -- Also on a full server: a write that needs no memory comes first.
  redis.call('HDEL', base .. 'removed:' .. id, '')
  if there then
    local letter = base .. 'letter:' .. id
    for _, name in ipairs(indexesOfKept(base, letter)) do redis.call('ZREM', name, id) end
    for _, name in ipairs(NUMBERS) do redis.call('ZREM', base .. name, id) end
    redis.call('HDEL', base .. 'texts', id)
    redis.call('UNLINK', letter)
  end
  local removed = base .. 'removed:' .. id
  redis.call('HSET', removed, 'bornAt', string.format('%.0f', bornAt), 'token', token)
  redis.call('PEXPIRE', removed, TOMBSTONE_MS)
  return flag(there)
end

function verbs.get(base)
  return redis.call('HGETALL', base .. 'letter:' .. text())
end

${letterFindingLua}
function verbs.expired(base)
  local scope, limit, arrivedUpTo, maxLetters = text(), number(), optional(), optional()
  local index = base .. 'scope:' .. hash(scope)
  local over = 0
  if arrivedUpTo then over = redis.call('ZCOUNT', index, '-inf', string.format('%.0f', (now - arrivedUpTo) * 1000)) end
  if maxLetters then over = math.max(over, redis.call('ZCARD', index) - maxLetters) end
  over = math.min(over, limit)
  if over <= 0 then return {} end
  return redis.call('ZRANGE', index, 0, over - 1)
end
`;

export const lettersLua = callsLua(verbsLua);
