#!lua flags=allow-oom
-- Live figures of tokens for panels; an unknown one has none.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4..] ids. Answers for each: rpm, rph, concurrency, fails, wall time of the rest's end or
-- empty, attempts, failures; as text. Where all of them are nothing, which is most of a large pool, an empty text instead.
--- @include "base"
--- @include "open"
--- @include "pool"
local function figures(token)
  local sent, head, attempts = token.sent, token.minuteHead, token.attempts
  trimWindow(token)
  trimResults(token)
  -- Most of a large pool is at rest: reading it must not write it.
  if token.sent ~= sent or token.minuteHead ~= head or token.attempts ~= attempts then changing(token) end
  local rest = token.cooldownUntil > MONO and WALL + (token.cooldownUntil - MONO)
  if not rest and hourCount(token) + token.inFlight + token.fails + token.attempts == 0 then return '' end
  return {
    tostring(minuteCount(token)), tostring(hourCount(token)), tostring(token.inFlight), tostring(token.fails),
    rest and string.format('%.17g', rest) or '', tostring(token.attempts), tostring(token.failures),
  }
end

local uses = {}
for i = 4, #ARGV do
  local token = getToken(ARGV[i])
  uses[#uses + 1] = token and figures(token) or ''
end
save()
return uses
