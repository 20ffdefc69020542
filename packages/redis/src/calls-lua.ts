/** What all scripts share: the time, and reading arguments. */
export const headLua = `
-- The server's clock decides. In Redis a script sees one moment from its beginning to its end.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The arguments, one after another.
local at = 0
local function text()
  at = at + 1
  return ARGV[at]
end
local function number()
  return tonumber(text())
end
-- '-' is nothing; '+' and a text is that text.
local function optional()
  local given = text()
  if given ~= '-' then return string.sub(given, 2) end
end

local function flag(value)
  return value and 1 or 0
end
`;

/**
 * A script that carries out many calls, each a transition of its own: what leaves in the same turn of the event loop costs one round trip.
 * `KEYS[i]` belongs to call i, and further keys are only declared; ARGV holds the number of calls, then for each its verb, the number of its
 * arguments, and these arguments. The reply has one entry for each call; a call that fails answers `{ 'error', text }`, and the others go on.
 */
export function callsLua(verbs: string): string {
  return `${headLua}
local verbs = {}

-- Something for replicas to confirm, also after a call that had nothing to write: see replicas.ts.
function verbs.mark(key)
  redis.call('SET', string.match(key, '^(.*}:)') .. 'mark', now)
  return 1
end
${verbs}

local replies = {}
for i = 1, number() do
  local key = KEYS[i]
  local verb = verbs[text()]
  local last = number() + at
  local ok, reply = pcall(verb, key)
  if not ok then
    reply = { 'error', type(reply) == 'table' and reply.err or tostring(reply) }
  end
  replies[i] = reply
  at = last
end
return replies
`;
}
