#!lua
-- Takes up what the read models say of quotas: never lowers a count, so it may be said as often as one likes.
-- KEYS[1] root. ARGV[1..3] see base, then five for each user: id, day, used, month, used. Answers nothing.
--- @include "base"
--- @include "open"
--- @include "runs"
--- @include "charges"
for i = 4, #ARGV, 5 do
  restoreCount(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]))
  restoreCount(ARGV[i], ARGV[i + 3], tonumber(ARGV[i + 4]))
end
return nil
