-- Counters of producers: the hashes `producers` and `archived` hold src → '<n> <day last seen, counted from 1970>'.
local function dayOf(seconds)
  return string.format('%d', math.floor(tonumber(seconds) / 86400))
end

local function numberOf(value)
  return value and tonumber(string.match(value, '^%d+')) or 0
end

-- One lane's answer: the n there, the n archived, the position archived ('': none).
local function tell(reply, known, archived, src)
  local progress = redis.call('HMGET', archived, src, 'cursor')
  reply[#reply + 1] = known
  reply[#reply + 1] = numberOf(progress[1])
  reply[#reply + 1] = progress[2] or ''
end
