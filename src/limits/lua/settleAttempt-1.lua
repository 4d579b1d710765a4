#!lua flags=allow-oom
-- Ends one attempt: frees the slot, counts the result. A repeated call hears the same; an unknown attempt cannot begin for 60 s.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4] attempt id, [5] outcome, [6] the upstream's hint in ms or empty, [7] sent 1 or 0,
-- [8] model unsupported 1 or 0. Answers Settled as JSON.
--- @include "base"
--- @include "open"
--- @include "attempts"
--- @include "health"
--- @include "generations"
local attempt = getAttempt(ARGV[4])
if attempt and attempt.settled then return attempt.settled end
local token = attempt and getToken(attempt.token)
if not token then
  if not generationGet('refused', ARGV[4], ANSWER_KEPT) then buryAttempt(ARGV[4], NOTHING_SETTLED) end
  return NOTHING_SETTLED
end

local outcome, hint = ARGV[5], number(ARGV[6])
freeSlot(token, attempt)
if outcome == 'success' then serveAttempt(token, attempt) end
-- What had headers was sent, whatever is said later.
if ARGV[7] == '1' or attempt.responded then answerAttempt(token, attempt) else returnSend(token, attempt) end
local change, counted = endHealth(token, attempt, outcome, hint)
if ARGV[8] == '1' then markUnsupported(token, attempt.model) end
place(token)
local settled = settledJson(change, counted, takeOthers())
endAttempt(attempt, settled)
save()
return settled
