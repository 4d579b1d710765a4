#!lua
-- Takes the office where nobody holds it; the holder's own run takes it anew, since it did not hear the answer to its last claim.
-- A Redis that forgot terms (came back empty or older) grants nothing for a whole lease: somebody may still trust one it forgot.
-- KEYS[1] lease: hash run, node, term, until (ms). KEYS[2] terms: hash term, node (who has not left in order), free (ms: not before).
-- ARGV[1] ms of a test's clock; empty: the server's TIME. ARGV[2] run, ARGV[3] node, ARGV[4] lease in ms,
-- ARGV[5] the highest term this run has seen, ARGV[6] ms that a Redis without any terms waits for whoever has seen some.
-- Answers {1, term, node that held it before or ''} or {0, highest term, node of the holder or ''}.
local call = redis.call
local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function whole(value)
  return string.format('%.0f', value)
end

local seen = tonumber(ARGV[5])
local known, before, free = unpack(call('HMGET', KEYS[2], 'term', 'node', 'free'))
known = tonumber(known)
if not known or known < seen then
  local wait = seen > 0 and ARGV[4] or ARGV[6]
  call('HSET', KEYS[2], 'term', whole(seen), 'node', '', 'free', whole(now + wait))
  return { 0, seen, '' }
end
local run, node, ends = unpack(call('HMGET', KEYS[1], 'run', 'node', 'until'))
if run and run ~= ARGV[2] and (tonumber(ends) or 0) > now then return { 0, known, node or '' } end
if (tonumber(free) or 0) > now then return { 0, known, '' } end
local term = known + 1
call('HSET', KEYS[2], 'term', whole(term), 'node', ARGV[3])
call('HSET', KEYS[1], 'run', ARGV[2], 'node', ARGV[3], 'term', whole(term), 'until', whole(now + ARGV[4]))
call('PEXPIRE', KEYS[1], ARGV[4])
return { 1, term, before or '' }
