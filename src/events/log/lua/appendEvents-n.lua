#!lua
-- Appends what producers send, each entry once: what the stream has already had of a producer is left out.
-- KEYS: for each lane (one producer in one partition) three of the partition: stream, producers, archived.
-- ARGV: for each lane: src, lowest n that must be there already (0: none), archived position known to the sender ('': none),
--   'pos' where entries carry their position, how many entries; then each entry's envelope (n id type subject time source v
--   key actor corr cause with unit separators between) and data.
-- Answers for each lane: the highest n there now, the producer's archived n, the archived position. A lane whose answered n
-- is lower than the second argument was left alone: entries before are missing, and the sender goes on after that n.
-- Refused as a whole when memory is full.
--- @include "ids"
--- @include "progress"
local ENVELOPE = '^(%d+)' .. string.rep('\31([^\31]*)', 10) .. '$'

local function addEntry(stream, id, src, envelope, data, withPos)
  local n, event, type, subject, time, source, v, key, actor, corr, cause = string.match(envelope, ENVELOPE)
  if withPos then
    return redis.call('XADD', stream, id, 'id', event, 'type', type, 'subject', subject, 'time', time, 'source', source, 'v', v,
      'key', key, 'actor', actor, 'corr', corr, 'cause', cause, 'src', src, 'n', n, 'data', data, 'pos', n)
  end
  return redis.call('XADD', stream, id, 'id', event, 'type', type, 'subject', subject, 'time', time, 'source', source, 'v', v,
    'key', key, 'actor', actor, 'corr', corr, 'cause', cause, 'src', src, 'n', n, 'data', data)
end

local at = 1
local reply = {}
local today = dayOf(redis.call('TIME')[1])
for lane = 0, #KEYS / 3 - 1 do
  local stream, producers, archived = KEYS[lane * 3 + 1], KEYS[lane * 3 + 2], KEYS[lane * 3 + 3]
  local src, before, floor = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local withPos, count = ARGV[at + 3] == 'pos', tonumber(ARGV[at + 4])
  at = at + 5
  -- A stream that somebody deleted has nothing of anybody; one that was trimmed is still there.
  if redis.call('EXISTS', stream) == 0 then redis.call('DEL', producers) end
  local known = numberOf(redis.call('HGET', producers, src))
  if known >= before then
    local appended = known
    for i = at, at + (count - 1) * 2, 2 do
      local n = tonumber(string.match(ARGV[i], '^%d+'))
      if n > appended then
        local id = addEntry(stream, '*', src, ARGV[i], ARGV[i + 1], withPos)
        -- A server with a slow clock that lost its tail would write where readers have been: it goes on behind that place.
        if appended == known and floor ~= '' and isAfter(floor, id) then
          redis.call('XDEL', stream, id)
          addEntry(stream, following(floor), src, ARGV[i], ARGV[i + 1], withPos)
        end
        appended = n
      end
    end
    if appended > known then redis.call('HSET', producers, src, appended .. ' ' .. today) end
    known = appended
  end
  at = at + count * 2
  tell(reply, known, archived, src)
end
return reply
