/** Finding letters, in Lua: which index answers a query, or which letters are looked at. A part of the script of letters-lua.ts. */
export const letterFindingLua = `
-- Looked at in one call of a query that no index answers by itself: Redis does nothing else meanwhile.
local MOST_LOOKED_AT = 1000

-- A part of an index. Its upper end may be excluded: '(' and a number.
local function readRange(index)
  local range = { index = index, least = text(), most = text() }
  local excluded = string.match(range.most, '^%((.*)$')
  range.isOpen = excluded ~= nil
  range.from = range.least == '-inf' and -math.huge or tonumber(range.least)
  range.to = range.most == '+inf' and math.huge or tonumber(excluded or range.most)
  range.isWhole = range.from == -math.huge and range.to == math.huge
  return range
end

local function sizeOf(range)
  return redis.call('ZCOUNT', range.index, range.least, range.most)
end

local function isIn(range, score)
  if range.isOpen and score == range.to then return false end
  return score >= range.from and score <= range.to
end

-- Of the indexes by arrival that settle a part of the query, the smallest: the fields that it settles, and its name.
local function fewestOf(base, q)
  local ways = {}
  if q.key then ways[#ways + 1] = { index = 'key:' .. hash(q.key), key = true } end
  if q.tenant then ways[#ways + 1] = { index = 'tenant:' .. hash(q.tenant), tenant = true } end
  if q.scope and q.error then
    ways[#ways + 1] = { index = 'scope-error:' .. hash(q.scope) .. ':' .. hash(q.error), scope = true, error = true }
  elseif q.scope then ways[#ways + 1] = { index = 'scope:' .. hash(q.scope), scope = true }
  elseif q.error then ways[#ways + 1] = { index = 'error:' .. hash(q.error), error = true }
  end
  local fewest, size = { index = 'all' }, math.huge
  for _, way in ipairs(ways) do
    local here = redis.call('ZCARD', base .. way.index)
    if here < size then fewest, size = way, here end
  end
  return fewest, base .. fewest.index
end

local function readQuery(base)
  local q = { scope = optional(), tenant = optional(), key = optional(), error = optional(), errorText = optional(), ranges = {} }
  for _, name in ipairs(NUMBERS) do
    local range = readRange(base .. name)
    if not range.isWhole then q.ranges[#q.ranges + 1] = range end
  end
  local settled, index = fewestOf(base, q)
  q.arrived = readRange(index)
  for _, field in ipairs({ 'scope', 'tenant', 'key', 'error' }) do
    if q[field] and not settled[field] then q.inLetter = true end
  end
  local exact = not q.inLetter and not q.errorText
  -- The range that answers the query by itself.
  if exact and #q.ranges == 0 then q.answer = q.arrived
  elseif exact and #q.ranges == 1 and index == base .. 'all' and q.arrived.isWhole then q.answer = q.ranges[1]
  end
  return q
end

-- The ids of those that match, in their order: by what indexes tell of many letters at once, and only then by the letters themselves.
local function matching(q, base, ids)
  local function keep(values, test)
    local kept = {}
    for i, id in ipairs(ids) do
      if test(values[i]) then kept[#kept + 1] = id end
    end
    ids = kept
  end
  for _, range in ipairs(q.ranges) do
    if not ids[1] then return ids end
    keep(redis.call('ZMSCORE', range.index, unpack(ids)), function(score) return score and isIn(range, tonumber(score)) end)
  end
  if q.errorText and ids[1] then
    keep(redis.call('HMGET', base .. 'texts', unpack(ids)), function(said) return said and string.find(said, q.errorText, 1, true) end)
  end
  if q.inLetter then
    keep(ids, function(id)
      local found = redis.call('HMGET', base .. 'letter:' .. id, 'scope', 'tenant', 'key', 'errorName', 'errorCode')
      return (not q.scope or q.scope == found[1]) and (not q.tenant or q.tenant == found[2]) and (not q.key or q.key == found[3])
        and (not q.error or q.error == found[4] or q.error == found[5])
    end)
  end
  return ids
end

-- Where a range of another index has few of the letters that arrived: these, the newest first.
local function fewIn(q)
  local narrowest, size = nil, math.min(MOST_LOOKED_AT, sizeOf(q.arrived) / 10)
  for _, range in ipairs(q.ranges) do
    local here = sizeOf(range)
    if here <= size then narrowest, size = range, here end
  end
  if not narrowest then return nil end
  local ids, arrivals = {}, {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', narrowest.index, narrowest.least, narrowest.most)) do
    local arrival = redis.call('ZSCORE', q.arrived.index, id)
    if arrival and isIn(q.arrived, tonumber(arrival)) then
      ids[#ids + 1] = id
      arrivals[id] = tonumber(arrival)
    end
  end
  table.sort(ids, function(a, b) return arrivals[a] > arrivals[b] end)
  return ids
end

-- Calls visit(id) for each letter that matches, the newest first, until it says false. Gives the arrival from which to go on, or nothing at
-- the end.
local function walk(base, q, visit)
  local few = q.ranges[1] and fewIn(q)
  local step, looked, upTo = 100, 0, q.arrived.most
  local function after(id)
    return '(' .. redis.call('ZSCORE', q.arrived.index, id)
  end
  while true do
    local ids = few or redis.call('ZREVRANGEBYSCORE', q.arrived.index, upTo, q.arrived.least, 'LIMIT', 0, step)
    local last
    for _, id in ipairs(matching(q, base, ids)) do
      if not visit(id) then return last and after(last) or upTo end
      last = id
    end
    looked = looked + step
    if few or #ids < step then return '' end
    upTo = after(ids[step])
    if looked >= MOST_LOOKED_AT then return upTo end
  end
end

-- Letters were once pushed without what such a query asks for: they must be looked for, and indexed, before.
local function isEarly(base, q)
  local asks = q.tenant or q.errorText or q.ranges[1]
  return asks and redis.call('ZCARD', base .. 'died') < redis.call('ZCARD', base .. 'all')
end

-- { from where to go on, the letters }, or { 'unindexed' }
function verbs.list(base)
  local indexed, limit, q = text() == '1', number(), readQuery(base)
  if not indexed and isEarly(base, q) then return { 'unindexed' } end
  local letters = {}
  local rest = walk(base, q, function(id)
    if #letters == limit then return false end
    local letter = redis.call('HGETALL', base .. 'letter:' .. id)
    -- Under an evicting policy that was accepted, Redis may have dropped it.
    if letter[1] then letters[#letters + 1] = letter end
    return true
  end)
  return { rest, letters }
end

-- { from where to go on, how many }, or { 'unindexed' }
function verbs.count(base)
  local indexed, _, q = text() == '1', text(), readQuery(base)
  if not indexed and isEarly(base, q) then return { 'unindexed' } end
  if q.answer then return { '', sizeOf(q.answer) } end
  local total = 0
  local rest = walk(base, q, function()
    total = total + 1
    return true
  end)
  return { rest, total }
end

-- { from where to go on, what their numbers and texts are in }
function verbs.unindexed(base)
  local all = { index = base .. 'all', least = '-inf', most = text() }
  local letters = {}
  local rest = walk(base, { arrived = all, answer = all, ranges = {} }, function(id)
    if redis.call('ZSCORE', base .. 'died', id) then return true end
    if #letters == 100 then return false end
    letters[#letters + 1] = redis.call('HMGET', base .. 'letter:' .. id, 'id', 'bornAt', 'token', 'details')
    return true
  end)
  return { rest, letters }
end

-- Unless it is gone, or newer, by now.
function verbs.index(base)
  local id, bornAt, token, errorText = text(), number(), number(), text()
  local letter = base .. 'letter:' .. id
  local keptBornAt, keptToken = versionIn(redis.call('HMGET', letter, 'bornAt', 'token'))
  if keptBornAt ~= bornAt or keptToken ~= token then return 0 end
  local tenant, arrival = unpack(redis.call('HMGET', letter, 'tenant', 'arrival'))
  -- Also on a full server: a write that needs no memory comes first.
  redis.call('HDEL', letter, '')
  if tenant then redis.call('ZADD', base .. 'tenant:' .. hash(tenant), arrival, id) end
  redis.call('HSET', base .. 'texts', id, errorText)
  indexNumbers(base, id)
  return 1
end
`;
