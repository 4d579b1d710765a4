--- @include "pool"
--- @include "providers"
--- @include "decision"
--- @include "generations"
-- Which token serves: caps and cooling, then rotation, then own before public, then affinity, then score (src/limits/choose.ts).
local choose, bindConversation
(function()
  local BUSY_RETRY, NO_TOKEN_RETRY, LONGEST_RETRY = 1000, 60000, 3600000
  -- Conversations remembered, how long, and how soon their token must be free to keep them.
  local TALKS_KEPT, TALK_FORGOTTEN, STAY = 100000, HOUR, 61000

  -- ---- one named token ----

  -- A private token is its owner's, and in self-use mode so is every pooled one.
  local function strangerBlock(token, request)
    if token.visibility == 'external' or token.owner == request.userId then return nil end
    return (token.visibility == 'private' or request.ownOnly) and 'private' or nil
  end

  local function servesOne(token, model)
    if not model or token.unsupported[model] then return false end
    return token.models == '' or includes(cjson.decode(token.models), model)
  end

  local function chooseOnly(request)
    local id = request.onlyTokenId
    local token = getToken(id)
    if not token or token.life == '' then return nil, refusalJson('no_token_available', NO_TOKEN_RETRY, decisionJson({}, 0, nil, nil)) end
    place(token)
    local target
    for _, one in ipairs(request.targets) do
      if not target and one.provider == token.provider then target = one end
    end
    local wait = gateWait(providerOf(token.provider))
    local because = token.because ~= '' and token.because or nil
    local refused = strangerBlock(token, request) or (not servesOne(token, target and target.model) and 'model') or because
      or (wait > 0 and 'breaker') or nil
    local named = { { id = id, score = token.score, refused = refused } }
    if not refused then
      local reason = token.halfOpen == 1 and 'probe' or 'only'
      return { token = token, model = target.model, decision = decisionJson(named, 1, id, reason) }
    end
    local decision = decisionJson(named, 1, nil, nil)
    if refused == 'breaker' then return nil, refusalJson('upstream_overloaded', wait, decision) end
    if because ~= refused or token.status == 'out' then return nil, refusalJson('no_token_available', NO_TOKEN_RETRY, decision) end
    if token.status == 'busy' then return nil, refusalJson('pool_exhausted', BUSY_RETRY, decision) end
    local free = token.freeAt - MONO
    if token.status == 'parked' then return nil, refusalJson('no_token_available', math.min(free, LONGEST_RETRY), decision) end
    return nil, refusalJson('pool_exhausted', free, decision)
  end

  -- ---- the pool ----

  -- At most two: {own, groups}. Own pools know how many of their tokens are public as well (`shared`).
  local function tiersOf(request, targets)
    local own, open = {}, {}
    for _, target in ipairs(targets) do
      addServing(own, 'user/' .. request.userId, target.provider, target.model)
      if not request.ownOnly then addServing(open, 'public', target.provider, target.model) end
    end
    if #open == 0 then return { { own = true, groups = own } } end
    if #own == 0 then return { { own = false, groups = open } } end
    return { { own = true, groups = own }, { own = false, groups = open } }
  end

  local function isTurnOver(id, provider)
    local state = providerOf(provider)
    return state.lastToken == id and state.uses >= meta.uses
  end

  -- Tried in this request; among the public ones also the caller's own, which had their chance before.
  local function isExcluded(id, tier, tiers, request)
    if includes(request.exclude, id) then return true end
    if tier.own or #tiers == 1 then return false end
    local token = getToken(id)
    return token and token.owner == request.userId
  end

  local function isReadyIn(token, tier)
    if token.status ~= 'ready' then return false end
    for _, seat in ipairs(token.seats) do
      for _, group in ipairs(tier.groups) do
        if group.pool == seat[1] and group.provider == seat[2] and group.tag == seat[3] then return true end
      end
    end
    return false
  end

  local function boundToken(request)
    if not request.talk then return nil end
    local id = generationGet('talks', request.talk, TALK_FORGOTTEN)
    return id and getToken(id)
  end

  -- First without the tokens whose turn is over; these serve only where nothing else can. Names those passed over.
  local function pick(request, tiers, named)
    local resting
    local kept = boundToken(request)
    for _, tier in ipairs(tiers) do
      local walk = startWalk(tier.groups)
      if kept and isReadyIn(kept, tier) and not isExcluded(kept.id, tier, tiers, request) and not isTurnOver(kept.id, kept.provider) then
        return { id = kept.id, tier = tier, reason = 'affinity', walk = walk }
      end
      local found = stepWalk(walk)
      while found do
        found.tier, found.reason, found.walk = tier, tier.own and 'own' or 'score', walk
        if isExcluded(found.id, tier, tiers, request) then
          if includes(request.exclude, found.id) then name(named, found.id, found.score, 'tried') end
        elseif isTurnOver(found.id, found.provider) then
          resting = resting or found
        else
          if resting then name(named, resting.id, resting.score, 'rotation') end
          return found
        end
        found = stepWalk(walk)
      end
    end
    return resting
  end

  local function consideredIn(tiers)
    local sum = 0
    for _, tier in ipairs(tiers) do
      for _, group in ipairs(tier.groups) do
        sum = sum + group.size
        if #tiers > 1 and tier.own then
          sum = sum - (number(call('HGET', ROOT .. 'shared:' .. group.pool .. '/' .. group.provider, group.tag)) or 0)
        end
      end
    end
    return sum
  end

  -- ---- refusals ----

  local function least(a, b)
    return a and b and math.min(a, b) or a or b
  end

  local function sizeOfSet(group, status)
    return call('ZCARD', groupSet(group, status))
  end

  local function firstIn(group, status)
    local first = call('ZRANGE', groupSet(group, status), 0, 0, 'WITHSCORES')
    return number(first[2])
  end

  -- ms until the first of the tokens that only a limit holds back; nil: there are none.
  local function limitedWait(groups)
    local wait
    for _, group in ipairs(groups) do
      if sizeOfSet(group, 'busy') + sizeOfSet(group, 'ready') > 0 then wait = least(wait, BUSY_RETRY) end
      local first = firstIn(group, 'waiting')
      if first then wait = least(wait, math.max(0, first - MONO)) end
    end
    return wait
  end

  local function isUsable(group)
    return sizeOfSet(group, 'ready') + sizeOfSet(group, 'waiting') + sizeOfSet(group, 'busy') > 0
  end

  local function parkedWait(groups, wait)
    for _, group in ipairs(groups) do
      wait = least(wait, firstIn(group, 'parked'))
    end
    return wait and math.min(math.max(0, wait - MONO), LONGEST_RETRY)
  end

  local function groupsOf(tiers)
    local groups = {}
    for _, tier in ipairs(tiers) do
      for _, group in ipairs(tier.groups) do
        groups[#groups + 1] = group
      end
    end
    return groups
  end

  local function refuse(request, tiers, closed, named)
    local groups = groupsOf(tiers)
    fill(named, groups, request.exclude, startWalk(groups))
    local limited, overloaded = limitedWait(groups), nil
    local closedGroups = {}
    for _, target in ipairs(closed) do
      local usable = false
      for _, group in ipairs(groupsOf(tiersOf(request, { target }))) do
        closedGroups[#closedGroups + 1] = group
        usable = usable or isUsable(group)
      end
      if usable then overloaded = least(overloaded, gateWait(providerOf(target.provider))) end
    end
    for _, group in ipairs(closedGroups) do
      nameSome(named, group, 'ready', 'breaker')
    end
    if #groups + #closedGroups == 0 then nameLacking(named, request) end
    local decision = decisionJson(named, consideredIn(tiers), nil, nil)
    if limited then return refusalJson('pool_exhausted', least(limited, overloaded), decision) end
    if overloaded then return refusalJson('upstream_overloaded', overloaded, decision) end
    local parked = least(parkedWait(groups), parkedWait(closedGroups))
    return refusalJson('no_token_available', parked or NO_TOKEN_RETRY, decision)
  end

  local function chooseFromPool(request)
    refreshDue()
    local open, closed = {}, {}
    for _, target in ipairs(request.targets) do
      local list = gateWait(providerOf(target.provider)) == 0 and open or closed
      list[#list + 1] = target
    end
    local tiers = tiersOf(request, open)
    promote(groupsOf(tiers))
    local named = {}
    local found = pick(request, tiers, named)
    if not found then return nil, refuse(request, tiers, closed, named) end
    local token = getToken(found.id)
    if #named >= CANDIDATES then table.remove(named) end
    name(named, token.id, token.score, nil)
    fill(named, found.tier.groups, request.exclude, found.walk)
    local probing = token.halfOpen == 1 or providerOf(token.provider).gate ~= ''
    local reason = probing and 'probe' or found.reason
    local model = ''
    for _, target in ipairs(open) do
      if model == '' and target.provider == token.provider then model = target.model end
    end
    return { token = token, model = model, decision = decisionJson(named, consideredIn(tiers), token.id, reason) }
  end

  -- {token, model, decision}, or nil and the refusal as JSON. Changes nothing but what time alone has changed.
  function choose(request)
    if request.onlyTokenId then return chooseOnly(request) end
    return chooseFromPool(request)
  end

  -- The conversation goes along, unless its token is only away for a moment.
  function bindConversation(request, token)
    if not request.talk or token.visibility == 'external' then return end
    local bound = boundToken(request)
    local stays = bound and bound.id ~= token.id and not includes(request.exclude, bound.id) and #bound.seats > 0
      and bound.status ~= 'out' and bound.status ~= 'parked' and (bound.status ~= 'waiting' or bound.freeAt - MONO <= STAY)
    generationPut('talks', 'talksAt', request.talk, stays and bound.id or token.id, TALKS_KEPT, TALK_FORGOTTEN)
  end
end)()
