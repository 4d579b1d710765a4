#!lua flags=allow-oom
-- Open records of dead runs that the caller is to end, oldest first, at most ARGV[4] of them.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4] how many. Answers one flat list of fields and values for each.
--- @include "base"
--- @include "runs"
--- @include "charges"
local left = {}
for _, id in ipairs(call('ZRANGE', leftOf(RUN), 0, tonumber(ARGV[4]) - 1)) do
  local open = getOpen(id)
  if open then left[#left + 1] = listOpen(open) else call('ZREM', leftOf(RUN), id) end
end
return left
