-- Ids of stream entries, '<ms>-<seq>'.
local function partsOf(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end

local function isAfter(a, b)
  local aMs, aSeq = partsOf(a)
  local bMs, bSeq = partsOf(b)
  return aMs > bMs or (aMs == bMs and aSeq > bSeq)
end

local function following(id)
  local ms, seq = partsOf(id)
  return string.format('%.0f-%.0f', ms, seq + 1)
end

local function lastIdOf(stream)
  if redis.call('EXISTS', stream) == 0 then return '0-0' end
  local facts = redis.call('XINFO', 'STREAM', stream)
  for i = 1, #facts, 2 do
    if facts[i] == 'last-generated-id' then return facts[i + 1] end
  end
end
