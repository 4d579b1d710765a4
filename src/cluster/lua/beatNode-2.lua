#!lua
-- A node's heartbeat: what it says of itself for 30 s, and its name in the list of nodes by the server's time.
-- KEYS[1] the node's record, KEYS[2] list (sorted set: node, ms). ARGV[1] node, ARGV[2] record (JSON), ARGV[3] how long it holds, ms.
-- Answers nothing.
local call = redis.call
local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
call('ZADD', KEYS[2], string.format('%.0f', now), ARGV[1])
call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('(%.0f', now - ARGV[3]))
return nil
