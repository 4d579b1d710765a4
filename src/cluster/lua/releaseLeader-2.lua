#!lua flags=allow-oom
-- Gives the office up; somebody else's stays.
-- KEYS[1] lease, KEYS[2] terms. ARGV[1] run. Answers 1 where it was this run's.
local call = redis.call
if call('HGET', KEYS[1], 'run') ~= ARGV[1] then return 0 end
call('DEL', KEYS[1])
call('HSET', KEYS[2], 'node', '')
return 1
