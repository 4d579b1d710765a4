--- @include "window"
--- @include "results"
-- What the limits know of one token, and the single check that says whether it may serve now (src/limits/token.ts, score.ts, risk.ts).
-- `life`: the status of its facts; empty: not in the pool. `models`: JSON list; empty: all. `seats`: see groups.
local getToken, changing, tokenAt, rollDay, assess, changeHealth
(function()
  local TOKEN_FIELDS = {
    'position', 'tie', 'unanswered', 'sent', 'oldest', 'minuteHead', 'minuteOldest', 'attempts', 'failures', 'oldestResult',
    'inFlight', 'fails', 'cooldownUntil', 'halfOpen', 'epoch', 'epochInFlight', 'lastUsedAt', 'lastSeq', 'day', 'dayUsed',
    'restored', 'keepUntil', 'freeAt', 'score', 'refreshAt', 'parkedUntil', 'dailyCap',
    'life', 'owner', 'visibility', 'provider', 'models', 'unsupported', 'status', 'because', 'seats', 'member',
  }

  local known = {}
  local changed = {}

  local function tokenKey(id)
    return ROOT .. 'token:' .. id
  end

  -- nil: no such token. The same table for the same token throughout a script.
  function getToken(id)
    if known[id] then return known[id] end
    local token = readRecord(tokenKey(id), TOKEN_FIELDS)
    if not token then return nil end
    token.id = id
    known[id] = token
    return token
  end

  function changing(token)
    changed[token.id] = token
  end

  -- `tie`: random in [0, 1), fixed for the life of this state; settles ties between tokens never used.
  function tokenAt(id, tie)
    local token = getToken(id)
    if token then return token end
    token = {
      id = id, tie = tie, position = -1, unanswered = 0, sent = 0, minuteHead = 0, attempts = 0, failures = 0, inFlight = 0, fails = 0,
      cooldownUntil = 0, halfOpen = 0, epoch = 0, epochInFlight = 0, lastSeq = 0, day = 0, dayUsed = 0, restored = 0,
      keepUntil = MONO + HOUR, freeAt = 0, score = 0, life = '', owner = '', visibility = '', provider = '', models = '', unsupported = {},
      status = 'out', because = '', seats = {}, member = '',
    }
    known[id] = token
    changing(token)
    return token
  end

  -- A state outside the pool goes by itself once nothing in it could still refuse a call. Its own key has no time to go by when it was just set.
  local function expireToken(token)
    local pooled = token.life ~= '' and token.visibility ~= 'external'
    if pooled and not token.returned then return end
    local keep = math.max(HOUR + MARGIN, token.cooldownUntil - MONO, token.keepUntil - MONO)
    for _, key in ipairs({ tokenKey(token.id), sendsOf(token), resultsOf(token) }) do
      if pooled or token.inFlight > 0 or token.unanswered > 0 then
        call('PERSIST', key)
      else
        call('PEXPIRE', key, math.ceil(keep))
      end
    end
  end

  local function saveToken(token)
    call('SET', tokenKey(token.id), pack(token, TOKEN_FIELDS))
    expireToken(token)
  end

  savers[#savers + 1] = function()
    for _, token in pairs(changed) do
      saveToken(token)
    end
  end

  local function share(used, limit)
    if limit <= 0 then return 1 end
    return math.min(1, math.max(0, used / limit))
  end

  -- The order of operations is that of src/limits/score.ts and risk.ts: both adapters must come to the same bits.
  local function scoreOf(token)
    local TRUST = 4
    local failureRate = token.attempts == 0 and 0 or token.failures / token.attempts
    local success = (token.attempts - token.failures + TRUST) / (token.attempts + TRUST)
    if token.attempts >= 10 and 1 - failureRate < meta.rate then success = success / 2 end
    local freshness = token.lastUsedAt and share(MONO - token.lastUsedAt, HOUR) or 1
    local hour = share(hourCount(token), meta.rph)
    local balance = 1 - (share(token.inFlight, meta.concurrent) + hour) / 2
    local risk = 0.3 * share(minuteCount(token), meta.rpm) + 0.3 * hour + 0.2 * share(failureRate, 1) + 0.2 * share(token.fails, 5)
    return 0.4 * success + 0.15 * freshness + 0.15 * balance + 0.3 * (1 - risk)
  end

  -- A day that the clock stepped back to keeps the later day's count: a cap is never widened by a step.
  function rollDay(token)
    local day = math.floor(WALL / DAY)
    if day == token.day or (day < token.day and day > token.day - 2) then return end
    token.day = day
    token.dayUsed = 0
  end

  local function block(token, status, because, freeAt)
    token.status, token.because, token.freeAt = status, because, freeAt
  end

  -- Of cooling, both windows and the donor's cap, the one that ends last.
  local function checkTime(token)
    if token.cooldownUntil > token.freeAt then block(token, 'waiting', 'cooling', token.cooldownUntil) end
    local minute = minuteFreeAt(token)
    if minute > token.freeAt then block(token, 'waiting', 'rpm', minute) end
    local hour = hourFreeAt(token)
    if hour > token.freeAt then block(token, 'waiting', 'rph', hour) end
    if not token.dailyCap or token.dayUsed < token.dailyCap then return end
    local midnight = MONO + ((token.day + 1) * DAY - WALL)
    if midnight > token.freeAt then block(token, 'waiting', 'daily_cap', midnight) end
  end

  -- Brings status, because, freeAt and score up to date. Every path asks this and nothing else.
  function assess(token)
    changing(token)
    trimWindow(token)
    trimResults(token)
    rollDay(token)
    token.score = scoreOf(token)
    block(token, 'ready', '', MONO)
    if token.life == '' then return block(token, 'out', 'invalid', MONO) end
    if token.life ~= 'active' then return block(token, 'out', token.life, MONO) end
    if token.parkedUntil and token.parkedUntil > WALL then return block(token, 'parked', 'credits', MONO + (token.parkedUntil - WALL)) end
    checkTime(token)
    if token.status ~= 'ready' then return end
    if token.inFlight >= meta.concurrent then
      block(token, 'busy', 'busy', token.freeAt)
    elseif token.halfOpen == 1 and token.epochInFlight > 0 then
      block(token, 'busy', 'probing', token.freeAt)
    end
  end

  -- A new state of health: what began before it has no say in the next one.
  function changeHealth(token, fails, cooldownUntil, halfOpen)
    token.fails, token.cooldownUntil, token.halfOpen = fails, cooldownUntil, halfOpen
    token.epoch = token.epoch + 1
    token.epochInFlight = 0
    changing(token)
  end
end)()
