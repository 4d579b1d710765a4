#!lua
-- Fills an empty home with what users were charged and how often keys were used in another one.
-- KEYS[1] root. ARGV[1..3] see base, then one JSON for each: {user, period, kept, warned 0 or 1} or {key, times}. Answers nothing.
--- @include "base"
--- @include "open"
--- @include "runs"
--- @include "charges"
for i = 4, #ARGV do
  local entry = cjson.decode(ARGV[i])
  if entry.user then takeCount(entry.user, entry.period, entry.kept, entry.warned) else takeRate(entry.key, entry.times) end
end
return nil
