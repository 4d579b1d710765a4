#!lua flags=allow-oom
-- The caller's life sign; then frees some leases of a run that is dead and takes over its open records, oldest first.
-- Only a run whose own signs are unbroken for as long may call another dead: after an outage of Redis all of them look it.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4] absent: whoever is dead is swept; `ask`: nobody is, answers a list of dead runs; a run: it
-- alone is swept, if it is dead. Otherwise answers 1 when there may be more to sweep, else 0.
--- @include "base"
--- @include "open"
--- @include "attempts"
--- @include "charges"
--- @include "health"
local STEP = 32
local ASKED = 32
local wanted = ARGV[4]

local function freeLeases(run)
  local ids = call('SPOP', leasesOf(run), STEP)
  for _, id in ipairs(ids) do
    local attempt = getAttempt(id)
    local token = attempt and not attempt.settled and getToken(attempt.token)
    if token then
      freeSlot(token, attempt)
      -- It may just have reached the upstream.
      answerAttempt(token, attempt)
      place(token)
      endAttempt(attempt, NOTHING_SETTLED)
    end
  end
  return #ids
end

local function takeRecords(set)
  local records = call('ZRANGE', set, 0, STEP - 1, 'WITHSCORES')
  for i = 1, #records, 2 do
    local open = getOpen(records[i])
    if open then
      open.run = RUN
      saveOpen(open)
      call('ZADD', leftOf(RUN), records[i + 1], records[i])
    end
    call('ZREM', set, records[i])
  end
  return #records
end

-- Signs from the future were given before the server's clock stepped back; without this a dead run would live until it has caught up.
local function bringBack()
  for _, run in ipairs(call('ZRANGEBYSCORE', ROOT .. 'runs', '(' .. string.format('%.17g', MONO), '+inf')) do
    call('ZADD', ROOT .. 'runs', MONO, run)
    call('HSET', ROOT .. 'since', run, MONO)
  end
end

beat()
bringBack()
local since = number(call('HGET', ROOT .. 'since', RUN))
if MONO - since < DEAD_AFTER then
  save()
  return wanted == 'ask' and {} or 0
end
local silent = call('ZRANGEBYSCORE', ROOT .. 'runs', '-inf', MONO - DEAD_AFTER - 1, 'LIMIT', 0, ASKED)
if wanted == 'ask' then
  save()
  return silent
end
local dead = not wanted and silent[1] or wanted and includes(silent, wanted) and wanted
if not dead then
  save()
  return 0
end
local done = freeLeases(dead) + takeRecords(openOf(dead)) + takeRecords(leftOf(dead))
if done == 0 then
  call('ZREM', ROOT .. 'runs', dead)
  call('HDEL', ROOT .. 'since', dead)
end
save()
return 1
