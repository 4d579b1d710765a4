#!lua flags=allow-oom
-- Tells producers and other nodes how far the archive is in one partition; never backwards.
-- KEYS: stream, archived. ARGV: position in the stream ('': not known), then src and n of each producer.
-- Answers the position that holds now ('': none).
--- @include "ids"
--- @include "progress"
local stream, archived, cursor = KEYS[1], KEYS[2], ARGV[1]
local today = dayOf(redis.call('TIME')[1])
for i = 2, #ARGV, 2 do
  local n = math.max(tonumber(ARGV[i + 1]), numberOf(redis.call('HGET', archived, ARGV[i])))
  redis.call('HSET', archived, ARGV[i], string.format('%.0f', n) .. ' ' .. today)
end
-- A position behind the stream's end is one of a tail that was lost, whoever tells of it.
local last = lastIdOf(stream)
local known = redis.call('HGET', archived, 'cursor')
if known and isAfter(known, last) then
  redis.call('HDEL', archived, 'cursor')
  known = false
end
if cursor ~= '' and not isAfter(cursor, last) and not (known and isAfter(known, cursor)) then
  redis.call('HSET', archived, 'cursor', cursor)
  known = cursor
end
return known or ''
