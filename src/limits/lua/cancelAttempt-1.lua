#!lua flags=allow-oom
-- Undoes an admission whose answer never came, as if it had not been; one that is still on its way is refused when it comes.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4] attempt id. Answers nothing.
--- @include "base"
--- @include "open"
--- @include "attempts"
--- @include "charges"
--- @include "health"
local attempt = getAttempt(ARGV[4])
if attempt and attempt.settled then return nil end
local token = attempt and getToken(attempt.token)
if token then
  freeSlot(token, attempt)
  if not attempt.responded then returnSend(token, attempt) end
  place(token)
  undoOpen(attempt.request, attempt.id)
  call('SREM', leasesOf(attempt.run), attempt.id)
end
buryAttempt(ARGV[4], NOTHING_SETTLED)
save()
return nil
