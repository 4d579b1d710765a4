#!lua flags=no-writes,allow-oom
-- What the streams have of producers, without appending; also when memory is full.
-- KEYS: for each lane three of its partition: stream, producers, archived. ARGV: for each lane src. Answers as appendEvents does.
--- @include "progress"
local reply = {}
for lane = 1, #KEYS / 3 do
  -- A stream that somebody deleted has nothing of anybody; one that was trimmed is still there.
  local there = redis.call('EXISTS', KEYS[lane * 3 - 2]) == 1
  local known = there and numberOf(redis.call('HGET', KEYS[lane * 3 - 1], ARGV[lane])) or 0
  tell(reply, known, KEYS[lane * 3], ARGV[lane])
end
return reply
