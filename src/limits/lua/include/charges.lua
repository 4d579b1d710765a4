--- @include "period"
-- What open requests have reserved of their user's quotas and their key's rate (src/limits/charges.ts, quotas.ts, keyRates.ts).
-- Keys: `quota:<user>:<period>` hashes, `rate:<key>` lists of admission times, `open:<request>` hashes: charge and open record in one.
local openKey, usedIn, changeCounts, rateCount, chargeRefusal, openRequest, getOpen, closeOpen, undoOpen, keepCharge, restoreCount
do
  local WARN_AT = 0.8
  local RATE_KEPT = 100000
  local COUNT_FIELDS = { 'kept', 'reserved', 'warned', 'restored' }
  -- Longer than its period by more than any clock steps, so that a count outlives every request that it was reserved for.
  local DAY_KEPT, MONTH_KEPT = 4 * DAY, 40 * DAY

  function openKey(requestId)
    return ROOT .. 'open:' .. requestId
  end

  local function quotaKey(user, period)
    return ROOT .. 'quota:' .. user .. ':' .. period
  end

  local function rateKey(key)
    return ROOT .. 'rate:' .. key
  end

  local function readCount(user, period)
    local values = call('HMGET', quotaKey(user, period), unpack(COUNT_FIELDS))
    local found = { user = user, period = period }
    for i, field in ipairs(COUNT_FIELDS) do
      found[field] = number(values[i]) or 0
    end
    return found
  end

  local function writeCount(found)
    local key = quotaKey(found.user, found.period)
    call('HSET', key, 'kept', found.kept, 'reserved', found.reserved, 'warned', found.warned, 'restored', found.restored)
    call('PEXPIRE', key, #found.period > 7 and DAY_KEPT or MONTH_KEPT)
  end

  function usedIn(user, period)
    local found = readCount(user, period)
    return found.kept + found.reserved
  end

  function changeCounts(user, day, month, reserved, kept)
    local counts = {}
    for i, period in ipairs({ day, month }) do
      counts[i] = readCount(user, period)
      counts[i].reserved = counts[i].reserved + reserved
      counts[i].kept = counts[i].kept + kept
      writeCount(counts[i])
    end
    return counts[1], counts[2]
  end

  local function quotaRefusal(quota, limit, used, period)
    local resetAt = periodEnd(period)
    return string.format(
      '{"ok":false,"code":"quota_exceeded","quota":"%s","limit":%.14g,"used":%.14g,"resetAt":%.14g,"retryAfterMs":%.14g}',
      quota, limit, used, resetAt, math.max(0, resetAt - WALL)
    )
  end

  -- Requests of a key in the last 60 s; forgets older ones.
  function rateCount(key)
    local list = rateKey(key)
    while true do
      local times = call('LRANGE', list, 0, 127)
      local gone = 0
      for _, at in ipairs(times) do
        if tonumber(at) > MONO - MINUTE then break end
        gone = gone + 1
      end
      if gone > 0 then call('LPOP', list, gone) end
      if gone < 128 then return call('LLEN', list) end
    end
  end

  local function rateRefusal(key, limit)
    local excess = rateCount(key) - limit
    if excess < 0 then return nil end
    -- A limit of 0 lets nothing through; a minute is then as good an answer as any.
    local last = number(call('LINDEX', rateKey(key), excess))
    local wait = last and last + MINUTE - MONO or MINUTE
    return string.format('{"ok":false,"code":"key_rate_limited","limit":%.14g,"retryAfterMs":%.14g}', limit, wait)
  end

  -- Quota first, then key rate; nil: neither refuses. A request that is open has paid already.
  function chargeRefusal(request)
    if call('EXISTS', openKey(request.requestId)) == 1 then return nil end
    if request.metered then
      local day, month = periodAt(WALL)
      -- The month first: where both are used up, the day's end would bring nothing.
      local used = usedIn(request.userId, month)
      if used >= request.monthly then return quotaRefusal('monthly', request.monthly, used, month) end
      used = usedIn(request.userId, day)
      if used >= request.daily then return quotaRefusal('daily', request.daily, used, day) end
    end
    return request.keyRpm and rateRefusal(request.keyId, request.keyRpm)
  end

  -- Reserves, unless the request is open, and writes its open record. Answers the period that its charge belongs to.
  function openRequest(request, tokenId)
    local key = openKey(request.requestId)
    local known = call('HMGET', key, 'day', 'month')
    local record = { 'terminalEventId', request.terminalEventId, 'attemptId', request.attemptId, 'attempt', request.attempt, 'tokenId', tokenId }
    if known[1] then
      call('HSET', key, unpack(record))
      return known[1], known[2]
    end
    local day, month = periodAt(WALL)
    call('HSET', key, 'requestId', request.requestId, 'userId', request.userId, 'keyId', request.keyId, 'day', day, 'month', month,
      'facts', request.facts, 'metered', request.metered and 1 or 0, 'daily', text(request.daily), 'monthly', text(request.monthly),
      'opener', request.attemptId, 'begun', MONO, 'run', RUN, unpack(record))
    call('ZADD', openOf(RUN), MONO, request.requestId)
    if request.metered then changeCounts(request.userId, day, month, 1, 0) end
    local rate = rateKey(request.keyId)
    rateCount(request.keyId)
    if call('RPUSH', rate, MONO) > RATE_KEPT then call('LPOP', rate) end
    call('PEXPIRE', rate, MINUTE + MARGIN)
    return day, month
  end

  -- nil: no such request is open.
  function getOpen(requestId)
    local values = call('HMGET', openKey(requestId), 'userId', 'keyId', 'day', 'month', 'metered', 'daily', 'monthly', 'opener', 'begun', 'run')
    if not values[1] then return nil end
    return {
      id = requestId, userId = values[1], keyId = values[2], day = values[3], month = values[4], metered = values[5] == '1',
      daily = number(values[6]), monthly = number(values[7]), opener = values[8], begun = number(values[9]), run = values[10],
    }
  end

  function closeOpen(open)
    call('DEL', openKey(open.id))
    call('ZREM', openOf(open.run), open.id)
    call('ZREM', leftOf(open.run), open.id)
  end

  -- As if it had never been opened, where this attempt opened it.
  function undoOpen(requestId, attemptId)
    local open = getOpen(requestId)
    if not open or open.opener ~= attemptId then return end
    closeOpen(open)
    if open.metered then changeCounts(open.userId, open.day, open.month, -1, 0) end
    call('LREM', rateKey(open.keyId), -1, string.format('%.17g', open.begun))
  end

  -- Once a period: also where a lowered quota, not this request, is what carried the use over the mark.
  local function warningOf(quota, found, limit)
    if found.warned == 1 or found.kept < limit * WARN_AT or found.restored >= limit * WARN_AT then return nil end
    found.warned = 1
    writeCount(found)
    return string.format(
      '{"quota":"%s","limit":%.14g,"used":%.14g,"resetAt":%.14g}', quota, limit, found.kept, periodEnd(found.period)
    )
  end

  -- Makes the charge final; answers the quotas that crossed 80 % by it, as JSON.
  function keepCharge(open)
    local day, month = changeCounts(open.userId, open.day, open.month, -1, 1)
    local warned = {}
    warned[1] = warningOf('daily', day, open.daily)
    warned[#warned + 1] = warningOf('monthly', month, open.monthly)
    return warned
  end

  function restoreCount(user, period, used)
    local found = readCount(user, period)
    found.kept = math.max(found.kept, used)
    found.restored = math.max(found.restored, used)
    writeCount(found)
  end
end
