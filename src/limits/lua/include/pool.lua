--- @include "token"
--- @include "groups"
-- All tokens, each in the right set of each of its groups; moves them as they change and as time passes (src/limits/pool.ts).
local place, activeTokens, putToken, removeToken, markUnsupported, lackModels, refreshDue, promote
(function()
  local REFRESHES = 16
  local PROMOTIONS = 64
  -- Where nothing at all becomes ready, one call still ends: what is left is looked at by the next one.
  local MOST_PROMOTIONS = 512
  local UNSUPPORTED_KEPT = 16
  local REFRESH = ROOT .. 'refresh'

  local function refreshMember(token)
    return string.format('%.12f:%s', token.tie, token.id)
  end

  -- When time alone will have changed the score enough; nil: nothing is left to change.
  local function nextRefresh(token)
    local idle = token.lastUsedAt and MONO - token.lastUsedAt or math.huge
    if idle >= HOUR and hourCount(token) == 0 and token.failures == 0 and not next(token.unsupported) then return nil end
    local due = MONO + math.min(HOUR, math.max(MINUTE + MARGIN, idle))
    for _, till in pairs(token.unsupported) do
      due = math.min(due, till)
    end
    return due
  end

  function place(token)
    local status, member = token.status, token.member
    assess(token)
    token.member = memberOf(token)
    for _, seat in ipairs(token.seats) do
      if member ~= '' and (member ~= token.member or status ~= token.status) then
        call('ZREM', setOf(status, seat[1], seat[2], seat[3]), member)
      end
      call('ZADD', setOf(token.status, seat[1], seat[2], seat[3]), orderOf(token), token.member)
    end
    -- A refresh that is due later stays: touching a token must not cost another move.
    if token.refreshAt or #token.seats == 0 then return end
    token.refreshAt = nextRefresh(token)
    if token.refreshAt then call('ZADD', REFRESH, token.refreshAt, refreshMember(token)) end
  end

  local function cancelRefresh(token)
    if not token.refreshAt then return end
    call('ZREM', REFRESH, refreshMember(token))
    token.refreshAt = nil
    changing(token)
  end

  local function countActive(token, by)
    if token.life ~= 'active' or token.visibility == 'external' then return end
    count(ROOT .. 'active', token.provider, by)
  end

  function activeTokens(provider)
    return number(call('HGET', ROOT .. 'active', provider)) or 0
  end

  -- Gives the token its seats anew; `change` is what makes them differ.
  local function reseat(token, change)
    countActive(token, -1)
    leaveSeats(token)
    change()
    countActive(token, 1)
    takeSeats(token)
    place(token)
  end

  local function hear(position)
    if position > (meta.position or -1) then setMeta('position', position) end
  end

  local function setFacts(token, facts)
    token.life, token.owner, token.visibility, token.provider = facts.status, facts.ownerId or '', facts.visibility, facts.provider
    token.models, token.parkedUntil, token.dailyCap = facts.models or '', facts.parkedUntil, facts.dailyCap
  end

  function putToken(facts)
    hear(facts.position)
    local token = tokenAt(facts.id, facts.tie)
    if facts.position < token.position then return end
    token.position = facts.position
    token.returned = token.life == ''
    if token.life ~= '' and token.life ~= 'active' and facts.status == 'active' then changeHealth(token, 0, 0, 0) end
    -- Out of credits, until a moment that is news: when it comes, one request at a time until one shows that they are back.
    if facts.parkedUntil and (token.life == '' or facts.parkedUntil ~= token.parkedUntil) then
      changeHealth(token, token.fails, token.cooldownUntil, 1)
    end
    -- Resumed from it: what went wrong before is forgotten, that credits are back is still to be seen.
    if token.life ~= '' and token.parkedUntil and not facts.parkedUntil then changeHealth(token, 0, 0, 1) end
    local same = token.life ~= '' and token.owner == (facts.ownerId or '') and token.visibility == facts.visibility
    if same and token.provider == facts.provider and token.models == (facts.models or '') then
      countActive(token, -1)
      setFacts(token, facts)
      countActive(token, 1)
      place(token)
    else
      reseat(token, function()
        setFacts(token, facts)
      end)
    end
    if token.visibility == 'external' then
      call('SREM', ROOT .. 'tokens', token.id)
    else
      call('SADD', ROOT .. 'tokens', token.id)
    end
  end

  function removeToken(id, position, tie)
    hear(position)
    local token = tokenAt(id, tie)
    if position < token.position then return end
    token.position = position
    token.keepUntil = MONO + HOUR
    reseat(token, function()
      token.life = ''
    end)
    call('SREM', ROOT .. 'tokens', id)
  end

  -- Takes over from another home which models it does not serve, until when.
  function lackModels(token, models)
    cancelRefresh(token)
    reseat(token, function()
      token.unsupported = models
    end)
  end

  -- What of it is not over yet, how many, and whether any is over.
  local function stillUnsupported(token)
    local still, known, gone = {}, 0, false
    for model, till in pairs(token.unsupported) do
      if till > MONO then still[model], known = till, known + 1 else gone = true end
    end
    return still, known, gone
  end

  -- Remembers for an hour that the token does not serve the model.
  function markUnsupported(token, model)
    local still, known = stillUnsupported(token)
    if token.life == '' or still[model] or known >= UNSUPPORTED_KEPT then return end
    cancelRefresh(token)
    reseat(token, function()
      still[model] = MONO + HOUR
      token.unsupported = still
    end)
  end

  local function forgetUnsupported(token)
    local still, _, gone = stillUnsupported(token)
    if gone then
      reseat(token, function()
        token.unsupported = still
      end)
    end
  end

  -- Brings some idle tokens' scores up to date. May change groups: ask for them afterwards.
  function refreshDue()
    for _ = 1, REFRESHES do
      local due = call('ZRANGE', REFRESH, 0, 0, 'WITHSCORES')
      if not due[1] or tonumber(due[2]) > MONO then return end
      local token = getToken(due[1]:sub(16))
      call('ZREM', REFRESH, due[1])
      if token then
        token.refreshAt = nil
        changing(token)
        if next(token.unsupported) then forgetUnsupported(token) end
        place(token)
      end
    end
  end

  local function promoteFrom(group, status)
    local set, ready = groupSet(group, status), groupSet(group, 'ready')
    for moved = 0, MOST_PROMOTIONS - 1 do
      local top = call('ZRANGE', set, 0, 0, 'WITHSCORES')
      if not top[1] or tonumber(top[2]) > MONO then return end
      if moved >= PROMOTIONS and call('ZCARD', ready) > 0 then return end
      local token = getToken(idOf(top[1]))
      if token then place(token) else call('ZREM', set, top[1]) end
    end
  end

  -- Moves what has become free meanwhile, in these groups.
  function promote(groups)
    for _, group in ipairs(groups) do
      promoteFrom(group, 'waiting')
      promoteFrom(group, 'parked')
    end
  end
end)()
