#!lua
-- Would this be refused now? Charges nothing; brings the pool up to date with the time.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4..] see request. Answers the refusal as JSON, or nil.
--- @include "base"
--- @include "open"
--- @include "runs"
--- @include "request"
--- @include "charges"
--- @include "choose"
local request = readRequest()
local refusal = chargeRefusal(request)
if not refusal then
  local _, refused = choose(request)
  refusal = refused
end
save()
return refusal
