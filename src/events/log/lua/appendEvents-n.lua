#!lua
-- Appends what producers send, each entry once: what the stream has already had of a producer is left out.
-- KEYS: for each lane (one producer in one partition) three of the partition: stream, producers, archived.
-- ARGV: for each lane: src, lowest n that must be there already (0: none), archived position known to the sender ('': none),
--   'pos' where entries carry their position, how many entries; then each entry's
--   id type subject time source v key actor corr cause n data.
-- Answers for each lane: the highest n there now, the producer's archived n, the archived position. A lane whose answered n
-- is lower than the second argument was left alone: entries before are missing, and the sender goes on after that n.
-- Refused as a whole when memory is full.
--- @include "ids"
--- @include "progress"
local VALUES = 12
local at = 1
local reply = {}
local today = dayOf(redis.call('TIME')[1])
for lane = 0, #KEYS / 3 - 1 do
  local stream, producers, archived = KEYS[lane * 3 + 1], KEYS[lane * 3 + 2], KEYS[lane * 3 + 3]
  local src, before, floor = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local withPos, count = ARGV[at + 3] == 'pos', tonumber(ARGV[at + 4])
  at = at + 5
  local known = numberOf(redis.call('HGET', producers, src))
  if known >= before then
    local appended = known
    for i = at, at + (count - 1) * VALUES, VALUES do
      local n = tonumber(ARGV[i + 10])
      if n > appended then
        local entry = {
          'id', ARGV[i], 'type', ARGV[i + 1], 'subject', ARGV[i + 2], 'time', ARGV[i + 3], 'source', ARGV[i + 4], 'v', ARGV[i + 5],
          'key', ARGV[i + 6], 'actor', ARGV[i + 7], 'corr', ARGV[i + 8], 'cause', ARGV[i + 9], 'src', src, 'n', ARGV[i + 10],
          'data', ARGV[i + 11],
        }
        if withPos then
          entry[27] = 'pos'
          entry[28] = ARGV[i + 10]
        end
        local id = redis.call('XADD', stream, '*', unpack(entry))
        -- A server with a slow clock that lost its tail would write where readers have been: it goes on behind that place.
        if appended == known and floor ~= '' and isAfter(floor, id) then
          redis.call('XDEL', stream, id)
          redis.call('XADD', stream, following(floor), unpack(entry))
        end
        appended = n
      end
    end
    if appended > known then redis.call('HSET', producers, src, appended .. ' ' .. today) end
    known = appended
  end
  at = at + count * VALUES
  tell(reply, known, archived, src)
end
return reply
