#!lua flags=allow-oom
-- Takes over attempts that run since an earlier home; those known already stay as they are.
-- KEYS[1] root. ARGV[1..3] see base, then one JSON for each: id, run, token, tie, request, provider, model, epoch, begun, day,
-- responded?, served?. Answers nothing.
--- @include "base"
--- @include "open"
--- @include "attempts"
local function seedAttempt(attempt)
  if getAttempt(attempt.id) then return end
  local token = tokenAt(attempt.token, attempt.tie)
  token.inFlight = token.inFlight + 1
  if attempt.epoch == token.epoch then token.epochInFlight = token.epochInFlight + 1 end
  if not attempt.responded then token.unanswered = token.unanswered + 1 end
  saveAttempt(attempt)
  knowRun(attempt.run)
  call('SADD', leasesOf(attempt.run), attempt.id)
  place(token)
end

for i = 4, #ARGV do
  seedAttempt(cjson.decode(ARGV[i]))
end
save()
return nil
