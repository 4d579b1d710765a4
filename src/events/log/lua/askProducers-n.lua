#!lua flags=no-writes,allow-oom
-- What the streams have of producers, without appending; also when memory is full.
-- KEYS: for each lane two of its partition: producers, archived. ARGV: for each lane src. Answers as appendEvents does.
--- @include "progress"
local reply = {}
for lane = 1, #KEYS / 2 do
  local known = numberOf(redis.call('HGET', KEYS[lane * 2 - 1], ARGV[lane]))
  tell(reply, known, KEYS[lane * 2], ARGV[lane])
end
return reply
