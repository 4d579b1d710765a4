#!lua flags=allow-oom
-- The upstream's headers came, or the send failed: the send counts from now. ARGV[5] = 1: the first model output is here.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4] attempt id, ARGV[5] 1 or 0. Answers nothing.
--- @include "base"
--- @include "open"
--- @include "attempts"
--- @include "health"
local attempt = getAttempt(ARGV[4])
local token = attempt and not attempt.settled and getToken(attempt.token)
if not token then return nil end
local before = { attempt.responded, attempt.served }
answerAttempt(token, attempt)
if ARGV[5] == '1' then serveAttempt(token, attempt) end
if before[1] ~= attempt.responded or before[2] ~= attempt.served then
  saveAttempt(attempt)
end
if token.status == 'waiting' then place(token) end
save()
return nil
