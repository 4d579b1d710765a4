#!lua
-- One try by somebody who may have few: counted if fewer than so many lie in the window, by the server's time.
-- KEYS[1] tries (sorted set: try, ms). ARGV[1] the try, ARGV[2] how many may be, ARGV[3] the window, ms.
-- Answers 0: counted; else after how many ms the next may be.
local call = redis.call
local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local window = tonumber(ARGV[3])
call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - window))
if call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  local oldest = call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return math.max(1, tonumber(oldest[2]) + window - now)
end
call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
call('PEXPIRE', KEYS[1], window)
return 0
