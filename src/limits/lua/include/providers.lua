-- What all tokens of one upstream share: gate, row of failures, whose turn it is (src/limits/providers.ts, cooling.ts).
local providerOf, takeProvider, gateWait, passGate, countUse, countRowFailure, countSuccess, countShortage
(function()
  local BREAKER_FAILURES, SHARED_BY, PROBE_EVERY, ROW_KEPT = 20, 3, 5000, 64
  local CAPACITY_FIRST, CAPACITY_LONGEST = 1000, 30000
  local PROVIDER_FIELDS = { 'gate', 'since', 'till', 'every', 'shortages', 'lastToken', 'uses', 'failures' }

  local providers = {}

  -- `gate`: '' | 'breaker' | 'capacity'; `failures`: length of the row, which is a JSON list of its own, read only when needed.
  function providerOf(name)
    if providers[name] then return providers[name] end
    local state = readRecord(ROOT .. 'provider:' .. name, PROVIDER_FIELDS)
      or { gate = '', shortages = 0, lastToken = '', uses = 0, failures = 0 }
    state.name = name
    providers[name] = state
    return state
  end

  savers[#savers + 1] = function()
    for _, state in pairs(providers) do
      if state.changed then call('SET', ROOT .. 'provider:' .. state.name, pack(state, PROVIDER_FIELDS)) end
    end
  end

  -- ms until the upstream may be called; 0: now, be it as a probe.
  function gateWait(state)
    return state.gate == '' and 0 or math.max(0, state.till - MONO)
  end

  -- A call goes out: while the gate is closed it is the probe, and the next one waits its time.
  function passGate(state)
    if state.gate == '' then return end
    state.till = MONO + state.every
    state.changed = true
  end

  function countUse(state, tokenId)
    state.uses = state.lastToken == tokenId and state.uses + 1 or 1
    state.lastToken = tokenId
    state.changed = true
  end

  local function closeGate(state, kind, since, every)
    state.gate, state.since, state.till, state.every = kind, since, since + every, every
    state.changed = true
  end

  local function readRow(state)
    local row = state.failures > 0 and call('GET', ROOT .. 'row:' .. state.name)
    return row and cjson.decode(row) or {}
  end

  local function writeRow(state, row)
    state.failures = #row
    state.changed = true
    if #row == 0 then call('DEL', ROOT .. 'row:' .. state.name) else call('SET', ROOT .. 'row:' .. state.name, cjson.encode(row)) end
  end

  -- As it was in another home.
  function takeProvider(entry)
    local state = providerOf(entry.name)
    for _, field in ipairs(PROVIDER_FIELDS) do
      state[field] = entry[field]
    end
    writeRow(state, entry.row)
  end

  -- At least three tokens, or all where fewer are in service.
  local function isShared(row, active)
    local ids, different = {}, 0
    for _, entry in ipairs(row) do
      if not ids[entry.id] then different = different + 1 end
      ids[entry.id] = true
    end
    return different >= math.min(SHARED_BY, math.max(1, active))
  end

  -- A pooled token's attempt failed.
  function countRowFailure(state, entry, active)
    -- While the breaker is open every failure has one cause, and it is not the token.
    if state.gate == 'breaker' then return end
    local row = readRow(state)
    row[#row + 1] = entry
    if #row >= BREAKER_FAILURES and isShared(row, active) then
      row = {}
      closeGate(state, 'breaker', entry.at, PROBE_EVERY)
    elseif #row > ROW_KEPT then
      table.remove(row, 1)
    end
    writeRow(state, row)
  end

  -- The upstream served `tokenId` (headers came at `at`). Answers the failures to be counted now.
  function countSuccess(state, tokenId, at, active)
    if state.gate ~= '' and at > state.since then
      state.gate = ''
      state.changed = true
    end
    if state.gate == '' and state.shortages > 0 then
      state.shortages = 0
      state.changed = true
    end
    if state.failures == 0 then return {} end
    local settled, later = {}, {}
    for _, entry in ipairs(readRow(state)) do
      local list = entry.at <= at and settled or later
      list[#list + 1] = entry
    end
    if #settled == 0 then return {} end
    writeRow(state, later)
    local due = {}
    if isShared(settled, active) then return due end
    for _, entry in ipairs(settled) do
      if not entry.counted and entry.id ~= tokenId then due[#due + 1] = entry end
    end
    return due
  end

  -- The upstream has no room. `begun`: when the attempt that heard so was admitted; `hint`: ms or nil.
  function countShortage(state, begun, hint)
    if state.gate == 'breaker' then return end
    -- A burst that hits the wall together is one shortage, not fifty.
    if state.gate ~= '' and begun <= state.since then return end
    state.shortages = state.shortages + 1
    local every = math.min(CAPACITY_LONGEST, CAPACITY_FIRST * 2 ^ math.min(state.shortages - 1, 10))
    if hint then every = math.min(CAPACITY_LONGEST, math.max(every, hint)) end
    closeGate(state, 'capacity', MONO, every)
  end
end)()
