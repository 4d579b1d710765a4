--- @include "period"
-- What open requests have reserved of their user's quotas and their key's rate (src/limits/charges.ts, quotas.ts, keyRates.ts).
-- Keys: `quota:<user>:<period>` counts, `rate:<key>` lists of admission times, `rated:<key>` for restored ones, `open:<request>`: charge and open record in one.
local usedIn, changeCounts, rateCount, chargeRefusal, openRequest, getOpen, saveOpen, listOpen, closeOpen, undoOpen, keepCharge, restoreCount
local takeCount, adoptOpen, takeRate, restoreRate
(function()
  local WARN_AT = 0.8
  local RATE_KEPT = 100000
  local COUNT_FIELDS = { 'kept', 'reserved', 'warned' }
  local OPEN_FIELDS = {
    'requestId', 'terminalEventId', 'attemptId', 'attempt', 'tokenId', 'userId', 'keyId', 'day', 'month', 'facts', 'metered',
    'daily', 'monthly', 'opener', 'begun', 'run',
  }
  -- Longer than its period by more than any clock steps, so that a count outlives every request that it was reserved for.
  local DAY_KEPT, MONTH_KEPT = 4 * DAY, 40 * DAY
  local counts = {}

  local function openKey(requestId)
    return ROOT .. 'open:' .. requestId
  end

  local function rateKey(key)
    return ROOT .. 'rate:' .. key
  end

  -- The same table for the same count throughout a script.
  local function readCount(user, period)
    local key = ROOT .. 'quota:' .. user .. ':' .. period
    counts[key] = counts[key] or readRecord(key, COUNT_FIELDS) or { kept = 0, reserved = 0, warned = 0 }
    counts[key].key, counts[key].period = key, period
    return counts[key]
  end

  local function writeCount(found)
    call('SET', found.key, pack(found, COUNT_FIELDS), 'PX', #found.period > 7 and DAY_KEPT or MONTH_KEPT)
  end

  function usedIn(user, period)
    local found = readCount(user, period)
    return found.kept + found.reserved
  end

  function changeCounts(open, reserved, kept)
    for _, period in ipairs({ open.day, open.month }) do
      local found = readCount(open.userId, period)
      found.reserved = found.reserved + reserved
      found.kept = found.kept + kept
      writeCount(found)
    end
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
    while (number(call('LINDEX', list, 0)) or MONO) <= MONO - MINUTE do
      local gone = 0
      for _, at in ipairs(call('LRANGE', list, 0, 127)) do
        if tonumber(at) > MONO - MINUTE then break end
        gone = gone + 1
      end
      call('LPOP', list, gone)
    end
    return call('LLEN', list)
  end

  local function rateRefusal(key, limit)
    local excess = rateCount(key) - limit
    if excess < 0 then return nil end
    -- A limit of 0 lets nothing through; a minute is then as good an answer as any.
    local last = number(call('LINDEX', rateKey(key), excess))
    local wait = last and last + MINUTE - MONO or MINUTE
    return string.format('{"ok":false,"code":"key_rate_limited","limit":%.14g,"retryAfterMs":%.14g}', limit, wait)
  end

  -- nil: no such request is open.
  function getOpen(requestId)
    return readRecord(openKey(requestId), OPEN_FIELDS)
  end

  function saveOpen(open)
    call('SET', openKey(open.requestId), pack(open, OPEN_FIELDS))
  end

  -- Fields and values in turn, as text.
  function listOpen(open)
    local list = {}
    for _, field in ipairs(OPEN_FIELDS) do
      list[#list + 1] = field
      list[#list + 1] = tostring(text(open[field]))
    end
    return list
  end

  -- Quota first, then key rate; nil: neither refuses. A request that is open has paid already.
  function chargeRefusal(request)
    if getOpen(request.requestId) then return nil end
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

  -- Reserves, unless the request is open, and writes its open record. Answers it, with the period that its charge belongs to.
  function openRequest(request, tokenId)
    local open = getOpen(request.requestId)
    local isNew = not open
    if isNew then
      local day, month = periodAt(WALL)
      open = {
        requestId = request.requestId, userId = request.userId, keyId = request.keyId, day = day, month = month, facts = request.facts,
        metered = request.metered and '1' or '0', daily = request.daily, monthly = request.monthly, opener = request.attemptId,
        begun = MONO, run = RUN,
      }
    end
    open.terminalEventId, open.attemptId, open.attempt = request.terminalEventId, request.attemptId, request.attempt
    open.tokenId = tokenId
    saveOpen(open)
    if not isNew then return open end
    call('ZADD', openOf(RUN), MONO, request.requestId)
    if request.metered then changeCounts(open, 1, 0) end
    local rate = rateKey(request.keyId)
    -- What is over is taken away by the check of the rate, or here where none is asked for.
    if not request.keyRpm then rateCount(request.keyId) end
    if call('RPUSH', rate, MONO) > RATE_KEPT then call('LPOP', rate) end
    call('PEXPIRE', rate, MINUTE + MARGIN)
    return open
  end

  function closeOpen(open)
    call('DEL', openKey(open.requestId))
    call('ZREM', openOf(open.run), open.requestId)
    call('ZREM', leftOf(open.run), open.requestId)
  end

  -- As if it had never been opened, where this attempt opened it.
  function undoOpen(requestId, attemptId)
    local open = getOpen(requestId)
    if not open or open.opener ~= attemptId then return end
    closeOpen(open)
    if open.metered == '1' then changeCounts(open, -1, 0) end
    call('LREM', rateKey(open.keyId), -1, string.format('%.17g', open.begun))
  end

  -- Once a period: also where a lowered quota, not this request, is what carried the use over the mark.
  local function warningOf(quota, found, limit)
    if not limit or found.warned == 1 or found.kept < limit * WARN_AT then return nil end
    found.warned = 1
    writeCount(found)
    return string.format(
      '{"quota":"%s","limit":%.14g,"used":%.14g,"resetAt":%.14g}', quota, limit, found.kept, periodEnd(found.period)
    )
  end

  -- Makes the charge final; answers the quotas that crossed 80 % by it, as JSON.
  function keepCharge(open)
    changeCounts(open, -1, 1)
    local warned = {}
    warned[1] = warningOf('daily', readCount(open.userId, open.day), open.daily)
    warned[#warned + 1] = warningOf('monthly', readCount(open.userId, open.month), open.monthly)
    return warned
  end

  -- What was charged for good in another home.
  function takeCount(user, period, kept, warned)
    local found = readCount(user, period)
    found.kept = found.kept + kept
    found.warned = math.max(found.warned, warned)
    writeCount(found)
  end

  -- A request that began in another home; `set`: whose open ones it is among. One that is known already stays as it is.
  function adoptOpen(open, set)
    if getOpen(open.requestId) then return end
    saveOpen(open)
    call('ZADD', set, open.begun, open.requestId)
    if open.metered == '1' then changeCounts(open, 1, 0) end
  end

  -- Admission times of a key in another home, rising.
  function takeRate(key, times)
    local list = rateKey(key)
    for from = 1, #times, 1000 do
      call('RPUSH', list, unpack(times, from, math.min(from + 999, #times)))
    end
    call('PEXPIRE', list, MINUTE + MARGIN)
  end

  -- Wall times of a key's use before, in any order.
  function restoreRate(key, times)
    if #times == 0 or not call('SET', ROOT .. 'rated:' .. key, 1, 'NX', 'PX', MINUTE + MARGIN) then return end
    local all = {}
    for _, at in ipairs(call('LRANGE', rateKey(key), 0, -1)) do
      all[#all + 1] = tonumber(at)
    end
    for _, at in ipairs(times) do
      all[#all + 1] = math.min(MONO, MONO - (WALL - at))
    end
    table.sort(all)
    call('DEL', rateKey(key))
    takeRate(key, all)
  end

  -- Whether the warning of a node that died reached the log is not known here: it is due again, and the log keeps one of a period.
  function restoreCount(user, period, used)
    local found = readCount(user, period)
    found.kept = math.max(found.kept, used)
    found.warned = 0
    writeCount(found)
  end
end)()
