#!lua
-- Takes up how often keys were used before, once for each: a second time would count it twice.
-- KEYS[1] root. ARGV[1..3] see base, then one JSON for each: {key, times}, wall times in ms, in any order. Answers nothing.
--- @include "base"
--- @include "open"
--- @include "runs"
--- @include "charges"
for i = 4, #ARGV do
  local entry = cjson.decode(ARGV[i])
  restoreRate(entry.key, entry.times)
end
return nil
