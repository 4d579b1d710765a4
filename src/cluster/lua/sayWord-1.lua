#!lua flags=allow-oom
-- A run's word on how new its copy of the control events is, with the moment at which it was said.
-- KEYS[1] the words (hash: run -> word). ARGV[1] run, ARGV[2] what it says.
-- Answers the server's time, ms.
local call = redis.call
local time = call('TIME')
local now = string.format('%.0f', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. now)
return tonumber(now)
