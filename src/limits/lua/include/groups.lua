-- Who may use which tokens for which model (src/limits/groups.ts). A seat is {pool, provider, tag, shared}; a tag is `=model` for a
-- token that names its models, `-[lacks]` for one that serves all but those. Members are ordered by last use, then by tie.
-- Keys: `<status>:<pool>/<provider>/<tag>` sorted sets; `named:`, `lacking:` and `shared:<pool>/<provider>` hashes that count seats.
local setOf, memberOf, idOf, orderOf, count, leaveSeats, takeSeats, addServing, addLacking, groupSet
(function()
  local LEARNED_GROUPS = 64
  local MODELS_PER_TOKEN = 256

  function setOf(status, pool, provider, tag)
    return ROOT .. status .. ':' .. pool .. '/' .. provider .. '/' .. tag
  end

  local function countsOf(tag, pool, provider)
    return ROOT .. (tag:sub(1, 1) == '=' and 'named:' or 'lacking:') .. pool .. '/' .. provider
  end

  -- Fixed widths: the id begins at the 32nd character.
  function memberOf(token)
    return string.format('%015d:%.12f:%s', token.lastSeq, token.tie, token.id)
  end

  function idOf(member)
    return member:sub(32)
  end

  -- What a set of this status is ordered by: the moment of release, or else the score, best first.
  function orderOf(token)
    if token.status == 'waiting' or token.status == 'parked' then return token.freeAt end
    return -token.score
  end

  function count(key, field, by)
    if call('HINCRBY', key, field, by) <= 0 then call('HDEL', key, field) end
  end

  local function countSeat(seat, by)
    local pool, provider, tag, shared = unpack(seat)
    count(countsOf(tag, pool, provider), tag:sub(2), by)
    if shared == 1 then count(ROOT .. 'shared:' .. pool .. '/' .. provider, tag, by) end
  end

  local function lackingTag(token, pool)
    local lacks = {}
    for model in pairs(token.unsupported) do
      lacks[#lacks + 1] = model
    end
    if #lacks == 0 then return '-[]' end
    table.sort(lacks)
    local name = cjson.encode(lacks)
    local key = countsOf('-', pool, token.provider)
    if call('HEXISTS', key, name) == 1 or call('HLEN', key) < LEARNED_GROUPS then return '-' .. name end
    -- So many kinds of lack are known already that this one is not remembered.
    return '-[]'
  end

  local function seatsIn(seats, pool, token)
    local shared = pool ~= 'public' and token.visibility == 'public' and 1 or 0
    if token.models == '' then
      seats[#seats + 1] = { pool, token.provider, lackingTag(token, pool), shared }
      return
    end
    local seen = {}
    for i, model in ipairs(cjson.decode(token.models)) do
      if i > MODELS_PER_TOKEN then break end
      if not seen[model] and not token.unsupported[model] then
        seen[model] = true
        seats[#seats + 1] = { pool, token.provider, '=' .. model, shared }
      end
    end
  end

  function leaveSeats(token)
    for _, seat in ipairs(token.seats) do
      call('ZREM', setOf(token.status, seat[1], seat[2], seat[3]), token.member)
      countSeat(seat, -1)
    end
    token.seats = {}
    token.member = ''
  end

  -- The pools a token is in: its owner's, and the public one where it is public. A caller's own token is in none.
  function takeSeats(token)
    local seats = {}
    if token.life ~= '' and token.visibility ~= 'external' then
      if token.owner ~= '' then seatsIn(seats, 'user/' .. token.owner, token) end
      if token.visibility == 'public' then seatsIn(seats, 'public', token) end
    end
    token.seats = seats
    for _, seat in ipairs(seats) do
      countSeat(seat, 1)
    end
  end

  -- Adds the groups of one pool that serve this model to `found`.
  function addServing(found, pool, provider, model)
    local named = call('HGET', ROOT .. 'named:' .. pool .. '/' .. provider, model)
    if named then found[#found + 1] = { pool = pool, provider = provider, tag = '=' .. model, size = tonumber(named) } end
    local lacking = call('HGETALL', ROOT .. 'lacking:' .. pool .. '/' .. provider)
    for i = 1, #lacking, 2 do
      if lacking[i] == '[]' or not includes(cjson.decode(lacking[i]), model) then
        found[#found + 1] = { pool = pool, provider = provider, tag = '-' .. lacking[i], size = tonumber(lacking[i + 1]) }
      end
    end
  end

  -- Adds the groups of one pool that do not serve this model, for telling why nobody does.
  function addLacking(found, pool, provider, model)
    for _, named in ipairs(call('HKEYS', ROOT .. 'named:' .. pool .. '/' .. provider)) do
      if named ~= model then found[#found + 1] = { pool = pool, provider = provider, tag = '=' .. named } end
    end
    for _, lacks in ipairs(call('HKEYS', ROOT .. 'lacking:' .. pool .. '/' .. provider)) do
      if includes(cjson.decode(lacks), model) then found[#found + 1] = { pool = pool, provider = provider, tag = '-' .. lacks } end
    end
  end

  function groupSet(group, status)
    return setOf(status, group.pool, group.provider, group.tag)
  end
end)()
