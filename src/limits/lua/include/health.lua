--- @include "providers"
-- What the end of an attempt means for its token, its upstream and others that failed there (src/limits/health.ts, cooling.ts).
local serveAttempt, takeOthers, endHealth, settledJson, NOTHING_SETTLED
(function()
  local SUSPEND_AFTER = 5
  local RISK_COOLING, RISK_HINT_CAP = 30 * MINUTE, 240 * MINUTE
  local OTHERS = ROOT .. 'others'

  local function coolingOf(fails)
    if fails < 2 then return 0 end
    return fails == 2 and 5 * MINUTE or 30 * MINUTE
  end

  local function riskCoolingOf(fails, hint)
    return math.max(coolingOf(fails), RISK_COOLING, math.min(hint or 0, RISK_HINT_CAP))
  end

  local function changeJson(cooled, suspend, fails)
    return string.format('"cooled":%s,"suspend":%s,"consecutiveFails":%d', cooled or 'null', tostring(suspend), fails)
  end

  -- Counts one failure of the token's own and lets it rest by the table. A rest is never shortened.
  local function failToken(token, epoch, reason, hint)
    addResult(token, false, MONO)
    changing(token)
    local escalates = epoch == token.epoch
    if escalates then token.fails = token.fails + 1 end
    local suspend = escalates and token.fails >= SUSPEND_AFTER
    local rest = 0
    if reason == 'risk' then
      rest = riskCoolingOf(token.fails, hint)
    elseif escalates then
      rest = coolingOf(token.fails)
    end
    local longer = rest > 0 and MONO + rest > token.cooldownUntil
    if longer then changeHealth(token, token.fails, MONO + rest, 1) end
    local cooled = longer and not suspend and string.format('{"until":%.14g,"reason":"%s"}', WALL + rest, reason)
    return changeJson(cooled, suspend, token.fails)
  end

  local function recoverToken(token)
    if token.halfOpen == 1 then changeHealth(token, 0, 0, 0) else token.fails = 0 end
    changing(token)
  end

  local function rowFailure(token, attempt, counted)
    if token.life == '' or token.visibility == 'external' then return end
    local entry = { id = token.id, epoch = attempt.epoch, at = MONO, counted = counted }
    countRowFailure(providerOf(attempt.provider), entry, activeTokens(attempt.provider))
  end

  -- The upstream works, once per attempt. Tokens that failed while it did are told to the next settlement.
  function serveAttempt(token, attempt)
    if attempt.served then return end
    attempt.served = 1
    answerAttempt(token, attempt)
    local due = countSuccess(providerOf(attempt.provider), token.id, attempt.responded, activeTokens(attempt.provider))
    for _, entry in ipairs(due) do
      local other = getToken(entry.id)
      if other then
        local change = failToken(other, entry.epoch, 'failures', nil)
        call('RPUSH', OTHERS, '{"tokenId":' .. jsonText(other.id) .. ',' .. change .. '}')
        place(other)
      end
    end
  end

  function takeOthers()
    local others = call('LRANGE', OTHERS, 0, -1)
    if #others > 0 then call('DEL', OTHERS) end
    return jsonList(others)
  end

  -- Answers the change as JSON members, and whether it counted at once.
  function endHealth(token, attempt, outcome, hint)
    if outcome == 'success' then
      addResult(token, true, MONO)
      changing(token)
      if attempt.epoch == token.epoch then recoverToken(token) end
    elseif outcome == 'token_failure' or outcome == 'risk' then
      rowFailure(token, attempt, true)
      return failToken(token, attempt.epoch, outcome == 'risk' and 'risk' or 'failures', hint), true
    elseif outcome == 'upstream_failure' then
      rowFailure(token, attempt, false)
    elseif outcome == 'capacity' then
      countShortage(providerOf(attempt.provider), attempt.begun, hint)
    end
    return changeJson(nil, false, token.fails), false
  end

  function settledJson(change, counted, others)
    return '{' .. change .. ',"counted":' .. tostring(counted) .. ',"others":' .. others .. '}'
  end

  NOTHING_SETTLED = settledJson(changeJson(nil, false, 0), false, '[]')
end)()
