--- @include "pool"
--- @include "walk"
-- The record of a choice: at most eight candidates with scores and what refused them (src/limits/choose.ts).
local CANDIDATES, name, nameSome, nameLacking, fill, decisionJson, refusalJson
(function()
  CANDIDATES = 8

  -- Adds a token to the record, unless it is there or the record is full.
  function name(named, id, score, refused)
    if #named >= CANDIDATES then return end
    for _, one in ipairs(named) do
      if one.id == id then return end
    end
    named[#named + 1] = { id = id, score = score, refused = refused }
  end

  function nameSome(named, group, status, refused)
    if #named >= CANDIDATES then return end
    for _, member in ipairs(call('ZRANGE', groupSet(group, status), 0, CANDIDATES - 1)) do
      if #named >= CANDIDATES then return end
      local token = getToken(idOf(member))
      if token then name(named, token.id, token.score, refused or (token.because ~= '' and token.because or nil)) end
    end
  end

  -- Tokens that would be usable, were it not for the model; only a few of the groups are looked at.
  function nameLacking(named, request)
    local lacking = {}
    for _, target in ipairs(request.targets) do
      addLacking(lacking, 'user/' .. request.userId, target.provider, target.model)
      if not request.ownOnly then addLacking(lacking, 'public', target.provider, target.model) end
    end
    for i = 1, math.min(CANDIDATES, #lacking) do
      for _, status in ipairs({ 'ready', 'busy', 'waiting' }) do
        nameSome(named, lacking[i], status, 'model')
      end
    end
  end

  -- Adds the next best, then some that a limit holds back, until eight are named.
  function fill(named, groups, exclude, walk)
    for _ = 1, CANDIDATES do
      if #named >= CANDIDATES then break end
      local found = stepWalk(walk)
      if not found then break end
      name(named, found.id, found.score, includes(exclude, found.id) and 'tried' or nil)
    end
    for _, group in ipairs(groups) do
      for _, status in ipairs({ 'busy', 'waiting', 'parked', 'out' }) do
        nameSome(named, group, status, nil)
      end
    end
  end

  function decisionJson(named, considered, chosen, reason)
    local candidates = {}
    for i, one in ipairs(named) do
      candidates[i] = string.format(
        '{"tokenId":%s,"score":%.14g,"refused":%s}', jsonText(one.id), math.floor(one.score * 10000 + 0.5) / 10000, jsonText(one.refused)
      )
    end
    return string.format(
      '{"candidates":%s,"considered":%d,"chosen":%s,"reason":%s}', jsonList(candidates), considered, jsonText(chosen), jsonText(reason)
    )
  end

  function refusalJson(code, wait, decision)
    return string.format('{"ok":false,"code":"%s","retryAfterMs":%.14g,"decision":%s}', code, wait, decision)
  end
end)()
