#!lua
-- Fills an empty home with the state of upstreams, and how far its counters were in another one.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4] admissions so far, ARGV[5] control position, then one JSON for each: name, gate, since, till,
-- every, shortages, lastToken, uses, row. Answers nothing.
--- @include "base"
--- @include "open"
--- @include "pool"
--- @include "providers"
setMeta('admissions', math.max(meta.admissions or 0, tonumber(ARGV[4])))
setMeta('position', math.max(meta.position or -1, tonumber(ARGV[5])))
for i = 6, #ARGV do
  takeProvider(cjson.decode(ARGV[i]))
end
save()
return nil
