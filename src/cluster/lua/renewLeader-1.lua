#!lua flags=allow-oom
-- Prolongs the lease of this run and term, or only looks whether it still holds.
-- KEYS[1] lease. ARGV[1] ms of a test's clock; empty: the server's TIME. ARGV[2] run, ARGV[3] term, ARGV[4] lease in ms; 0: only look.
-- Answers 1 where it holds, 0 where it was lost.
local call = redis.call
local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local run, term, ends = unpack(call('HMGET', KEYS[1], 'run', 'term', 'until'))
if run ~= ARGV[2] or term ~= ARGV[3] or not tonumber(ends) or tonumber(ends) <= now then return 0 end
if ARGV[4] == '0' then return 1 end
call('HSET', KEYS[1], 'until', string.format('%.0f', now + ARGV[4]))
call('PEXPIRE', KEYS[1], ARGV[4])
return 1
