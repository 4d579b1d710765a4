#!lua flags=no-writes
-- All runs' words, and the server's time with them.
-- KEYS[1] the words (hash: run -> word).
-- Answers the time in ms, then runs and words in turn.
local call = redis.call
local time = call('TIME')
local reply = call('HGETALL', KEYS[1])
table.insert(reply, 1, tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
return reply
