#!lua flags=allow-oom
-- Drops producers not seen for ARGV[1] days from a partition's counters; the archive knows events by their ids as well.
-- KEYS: producers, archived. Answers how many were dropped.
--- @include "progress"
local oldest = tonumber(dayOf(redis.call('TIME')[1])) - tonumber(ARGV[1])
local dropped = 0
for _, key in ipairs(KEYS) do
  local pairs = redis.call('HGETALL', key)
  for i = 1, #pairs, 2 do
    local day = tonumber(string.match(pairs[i + 1], '^%d+ (%d+)$'))
    if day and day < oldest then dropped = dropped + redis.call('HDEL', key, pairs[i]) end
  end
end
return dropped
