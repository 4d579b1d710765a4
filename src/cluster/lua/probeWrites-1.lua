#!lua
-- Tries what limits and event log live by. A Redis that is full, a replica or forbids one of these answers PING and is lost all the same.
-- KEYS[1]: what the probe's own keys begin with; nothing of them stays. Answers 1.
local call = redis.call
local kinds = { 'stream', 'hash', 'sorted', 'set', 'list', 'value' }
local keys = {}
for i, kind in ipairs(kinds) do
  keys[i] = KEYS[1] .. kind
end
call('XADD', keys[1], '*', 'probe', 1)
call('HSET', keys[2], 'probe', 1)
call('ZADD', keys[3], 1, 'probe')
call('SADD', keys[4], 'probe')
call('RPUSH', keys[5], 'probe')
call('SET', keys[6], 1, 'PX', 10000)
call('DEL', unpack(keys))
return 1
